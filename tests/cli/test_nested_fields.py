"""Lists, objects, numbers and booleans on the command line: validated, shown, asked about and scored."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from peakbench.mock.serving import RunningMockServer

Run = Callable[..., subprocess.CompletedProcess[str]]
FIELDS = """
  price: {type: number, rel_tol: 0.05}
  stretch: {type: boolean}
  tags: {type: list, items: {type: categorical, values: [warm, dry]}}
  maker: {type: object, fields: {city: {type: brand, aliases: [town]}}}
"""
ROWS: list[dict[str, object]] = [
    {"price": "$12.50", "stretch": "yes", "tags": ["Warm", "dry"], "maker": {"Town": "Rome"}},
    {"price": 3, "tags": "warm", "maker": {"city": "N/A"}},
    {"tags": "n/a"},
]


@pytest.fixture
def nested(tiny: Callable[..., Path]) -> Path:
    """A benchmark of three samples with fields of every nested kind."""
    path = tiny(3)
    text = path.read_text()
    path.write_text(text[: text.index("fields:")] + "fields:" + FIELDS)
    write_rows(path, ROWS)
    return path


def write_rows(path: Path, references: list[dict[str, object]]) -> None:
    """Give the benchmark's rows these references."""
    data = path.parent / "data.jsonl"
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    lines = [json.dumps(row | {"reference": known}) for row, known in zip(rows, references, strict=True)]
    data.write_text("\n".join(lines) + "\n")


def test_misfits_within_are_named_by_line_and_place(peakbench: Run, nested: Path) -> None:
    assert peakbench("benchmarks", "validate", nested).stdout == "3 good samples, 0 bad rows\n"
    write_rows(nested, [{"tags": ["warm", "wet"]}, {"maker": {"town": ["x"]}}, {"price": "cheap", "stretch": 1}])
    done = peakbench("benchmarks", "validate", nested)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert "line 1, sample 's0000': field `tags[2]` of the reference is 'wet'" in lines[0]
    assert "line 2, sample 's0001': field `maker.city` of the reference is a list" in lines[1]
    assert "line 3, sample 's0002': field `price` of the reference is 'cheap'; it takes a number" in lines[2]


def test_what_is_within_is_shown_and_counted(peakbench: Run, nested: Path) -> None:
    shown = peakbench("benchmarks", "show", nested).stdout
    for text in ("number ± 0.05 of it", "boolean", "list of categorical", "object (city: brand)"):
        assert text in shown
    counted = json.loads(peakbench("benchmarks", "show", nested, "--data", "--json").stdout)["contents"]
    assert counted["values"] == {
        "price": {"$12.50": 1, "3": 1},
        "stretch": {"yes": 1},
        "tags[]": {"warm": 1, "Warm": 1, "dry": 1},
        "maker.city": {"Rome": 1},
    }
    assert counted["nulls"] == {"price": 1, "stretch": 2, "tags": 1, "maker": 1, "maker.city": 1}


def test_the_oracle_is_perfect_and_its_answers_fit(
    peakbench: Run, nested: Path, server: RunningMockServer, tmp_path: Path
) -> None:
    done = peakbench("run", nested, "-m", "constant-null", "--base-url", server.base_url, "--json")
    assert done.returncode == 0, done.stderr
    (board,) = json.loads(peakbench("leaderboard", "runs", "--json").stdout)
    values = {row["title"]: {name: found["value"] for name, found in row["metrics"].items()} for row in board["rows"]}
    results = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("**/results.json")]
    valid = {found["model"]: found["metrics"]["schema_valid_rate"]["value"] for found in results}
    assert values["oracle"]["weighted_score"] == 1.0
    assert [share for model, share in valid.items() if "oracle" in model] == [1.0]
    assert [share for model, share in valid.items() if "never_json" in model] == [0.0]


def test_a_broken_response_schema_is_named_by_place(peakbench: Run, nested: Path) -> None:
    nested.write_text(nested.read_text() + "response_schema: {properties: {price: {type: numbr}}}\n")
    done = peakbench("benchmarks", "show", nested)
    assert done.returncode == 2
    assert "response_schema: properties.price.type: 'numbr' is not valid" in done.stderr
    nested.write_text(nested.read_text().replace("numbr", "number"))
    assert "answers have to fit the file's own response schema" in peakbench("benchmarks", "show", nested).stdout
