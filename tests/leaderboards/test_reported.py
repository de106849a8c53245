"""Reported values stand apart: read as their source gives them, never ranked, without intervals."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from shared_data import shared

from peakbench.errors import BadInputError
from peakbench.leaderboards.reported import read_reported, reported_markdown
from peakbench.mock.serving import RunningMockServer

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]

CARD: dict[str, Any] = {
    "source": "the card of an organisation",
    "benchmark": "org/eval-hard",
    "samples": 3500,
    "status": "reported, not reproduced",
    "rows": [
        {"model": "Second", "reported_weighted_pct": 89.5, "reported_samples_per_s": None, "hub_id": "org/second"},
        {"model": "First | <b>", "reported_weighted_pct": 101.4, "reported_samples_per_s": 15.9, "reported_note": 3},
    ],
}


def written(folder: Path, card: Any) -> Path:
    (folder / "card.json").write_text(json.dumps(card))
    return folder / "card.json"


def test_values_keep_their_order_and_are_fractions_inside_and_percent_outside(tmp_path: Path) -> None:
    table = read_reported(written(tmp_path, CARD))
    assert [row.model for row in table.rows] == ["Second", "First | <b>"]
    assert [column.title for column in table.columns] == ["weighted (%)", "samples/s", "note"]
    assert table.rows[1].values["reported_weighted_pct"] == pytest.approx(1.014)
    text = reported_markdown(table)
    assert "| Second | 89.5 | not published | not published | not published |" in text
    assert "| First \\| &lt;b&gt; | 101.4 | 15.9 | 3 |" in text
    assert "weighted (%): 1 value outside 0 to 100 %" in text.replace("\\", "")
    assert "?" not in text


def test_the_published_schema_takes_what_is_read_and_no_other_key() -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "reported.schema.json").read_text())
    validator = Draft202012Validator(schema)
    assert validator.is_valid(CARD)
    assert not validator.is_valid(CARD | {"rows": [{"model": "a", "weighted": 1}]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": []}, "rows"),
        ({"rows": [{"model": "a", "reported_x": "many"}]}, "reported_x"),
        ({"rows": [{"model": "a", "reported_x": float("nan")}]}, "finite"),
        ({"rows": [{"model": "a", "architekture": "x"}]}, "did you mean `architecture`"),
        ({"rows": [{"hub_id": "a"}]}, "model"),
        ({"rang": 1}, "unknown key `rang`"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(json.dumps(CARD | change).replace("NaN", ".nan"))
    with pytest.raises(BadInputError, match=said):
        read_reported(path)


def test_a_board_shows_them_below_and_apart(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    card = written(tmp_path, CARD)
    assert peakbench("run", tiny(), "-m", "constant-null", "--base-url", server.base_url).returncode == 0
    plain = peakbench("leaderboard", "runs", "--json")
    done = peakbench("leaderboard", "runs", "-o", "board", "--reported", card, COLUMNS="120")
    assert done.returncode == 0, done.stderr
    board = json.loads((tmp_path / "board" / "board.json").read_text())
    assert board | {"reported": []} == json.loads(plain.stdout)[0]  # nothing measured is touched
    assert "Second" not in json.dumps(board["rows"])
    above, heading, below = (tmp_path / "board" / "board.md").read_text().partition("## Reported elsewhere")
    assert "Second" not in above
    assert heading
    assert "not ranked, without intervals" in below
    assert "Second" not in (tmp_path / "board" / "board.csv").read_text()
    assert done.stdout.index("constant-null") < done.stdout.index("Reported elsewhere") < done.stdout.index("Second")


def test_of_several_boards_the_one_of_its_benchmark_shows_them(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    other = tiny(4, name="other")
    other.write_text(other.read_text().replace("id: tiny", "id: other"))
    for path in (tiny(), other):
        assert peakbench("run", path, "-m", "constant-null", "--base-url", server.base_url).returncode == 0
    refused = peakbench("leaderboard", "runs", "--reported", written(tmp_path, CARD))
    assert refused.returncode == 2
    assert "org/eval-hard" in refused.stderr
    done = peakbench("leaderboard", "runs", "--json", "--reported", written(tmp_path, CARD | {"benchmark": "other"}))
    shown = {board["benchmark"]: len(board["reported"]) for board in json.loads(done.stdout)}
    assert shown == {"tiny@1": 0, "other@1": 1}


def test_the_published_rows_of_the_garment_models_are_read() -> None:
    table = read_reported(shared("data/denali/reported_board.json"))
    assert len(table.rows) == 29
    assert sum(row.hub_id is not None for row in table.rows) == 5
    assert any("1 value outside 0 to 100 %" in note for note in table.notes)
