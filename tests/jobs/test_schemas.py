"""Every file has a published JSON Schema, and what is written keeps to it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from peakbench.benchmarks.benchmark import builtin_benchmarks, find_benchmark
from peakbench.content import content_root
from peakbench.jobs.schemas import schemas
from peakbench.mock.serving import RunningMockServer
from peakbench.strict import read_yaml

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "schemas"
SCHEMAS = schemas()


def test_the_published_schemas_are_those_of_the_code() -> None:
    published = {path.name: json.loads(path.read_text()) for path in PUBLISHED.glob("*.json")}
    assert published == SCHEMAS, "run `make schemas`"


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_every_schema_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def validate(name: str, value: object) -> None:
    jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"]).validate(value)


def test_what_ships_keeps_to_its_schema() -> None:
    validate("metrics", json.loads((content_root() / "peakbench_metrics.json").read_text()))
    validate("sweep", read_yaml(content_root() / "runners" / "demo.yaml"))
    for name in builtin_benchmarks():
        validate("benchmark", find_benchmark(name).resolved())
        validate("benchmark", read_yaml(find_benchmark(name).path))


def test_a_benchmark_file_need_not_be_whole_where_it_extends_another() -> None:
    own = {"id": "mine", "boxes": {"answers": {"order": "yxyx"}}, "fields": {"type": {"weight": 2}}}
    validate("benchmark", own | {"extends": "sdg"})
    for wrong in (own, own | {"extends": None}, own | {"extends": "sdg", "colums": {}}):
        with pytest.raises(jsonschema.ValidationError):
            validate("benchmark", wrong)


def test_what_a_run_and_a_board_write_keeps_to_its_schema(
    tiny: Callable[..., Path],
    peakbench: Callable[..., subprocess.CompletedProcess[str]],
    server: RunningMockServer,
    tmp_path: Path,
) -> None:
    done = peakbench("run", tiny(4), "--model", "constant-null", "--base-url", server.base_url)
    assert done.returncode == 0, done.stderr
    assert peakbench("leaderboard", "runs", "-o", "board").returncode == 0
    for path in (tmp_path / "runs").rglob("*.json*"):
        if path.suffix == ".jsonl":
            for line in path.read_text().splitlines():
                validate(path.stem, json.loads(line))
        else:
            validate(path.stem, json.loads(path.read_text()))
    validate("board", json.loads((tmp_path / "board" / "board.json").read_text()))
