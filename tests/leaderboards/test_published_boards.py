"""The boards that the repository publishes: what pages say of them is what they hold, and they hold nothing private."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOARDS = sorted(ROOT.glob("leaderboards/**/board.json"))
PATHS = re.compile(r"(?<![\w.:/])/(home|root|tmp|work|Users|var|mnt|opt|srv)/|https?://(localhost|127\.)")
SCHEMA = " [json_schema]"


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    """Rows of the board of checkpoints, by title, floors too."""
    board = json.loads((ROOT / "leaderboards" / "tiny-garments" / "board.json").read_text())
    return {row["title"]: row for row in board["rows"]}


@pytest.fixture(scope="module")
def checkpoints(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {title: row for title, row in rows.items() if row["kind"] == "model"}


def percent(row: dict[str, Any], metric: str) -> str:
    return f"{100 * row['metrics'][metric]['value']:.1f}"


def test_the_readme_shows_the_checkpoints_as_the_board_has_them(checkpoints: dict[str, dict[str, Any]]) -> None:
    shown = (ROOT / "README.md").read_text().splitlines()
    metrics = ("json_parse_rate_strict", "weighted_score", "field_f1")
    for name in ("step0", "early", "mid", "final"):
        free, held = (checkpoints[f"tiny-garment-{name}{way}"] for way in ("", SCHEMA))
        assert free["training"] == held["training"]
        values = [percent(row, metric) for row in (free, held) for metric in metrics]
        assert f"| {free['training']} | {' | '.join(values)} |" in shown


def test_the_readme_says_of_the_floors_what_the_board_says(rows: dict[str, dict[str, Any]]) -> None:
    text = " ".join((ROOT / "README.md").read_text().split())
    null, majority = (percent(rows[name], "weighted_score") for name in ("always_null", "majority_value"))
    assert f"to answer null always scores {null}, the most frequent values {majority}." in text


def test_the_checkpoints_stand_in_the_order_of_their_training(checkpoints: dict[str, dict[str, Any]]) -> None:
    for way in ("", SCHEMA):
        ranks = [checkpoints[f"tiny-garment-{name}{way}"]["rank"] for name in ("final", "mid", "early", "step0")]
        assert ranks == sorted(set(ranks))
    assert all((row["n"], row["n_failed"]) == (200, 0) for row in checkpoints.values())
    assert {row["server"] for row in checkpoints.values()} == {"vllm 0.32.0"}


@pytest.mark.parametrize("folder", [board.parent for board in BOARDS], ids=lambda folder: folder.name)
def test_no_published_board_names_a_folder_or_an_address_of_a_machine(folder: Path) -> None:
    for name in ("board.json", "board.md", "board.csv"):
        assert not PATHS.search((folder / name).read_text())
    assert (folder / "board.png").is_file()
