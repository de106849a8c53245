"""The real vLLM, from photos to a board: a small trained model on the 200 photos of the shared data.

What the mock server cannot show: the parameters that vLLM takes, what it makes of images and schemas, and its refusals.
"""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import command
from served_model import NAMES, serve_command, served, trained_model

from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.records import Failure, FailureKind, Response
from peakbench.runs.results import Results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FREE, HELD = NAMES
FIELDS = ("type", "color", "pattern", "neckline", "sleeve_length", "closure", "brand", "size", "defect_type")
PROMPT = (
    f"Look at the garment and answer with one JSON object with the keys {', '.join(FIELDS)}. "
    "Use null where a value does not apply or cannot be seen."
)
TWO_FIELDS = {"color": {"type": "categorical"}, "sleeve_length": {"type": "categorical", "null_values": ["none"]}}


def bounded(fields: Iterable[str]) -> dict[str, Any]:
    """An answer schema whose strings end: nothing but its length ends one that a weak model goes on with."""
    return {
        "type": "object",
        "properties": {field: {"type": ["string", "null"], "maxLength": 24} for field in fields},
        "required": list(fields),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Asked:
    """What came of `peakbench run`."""

    folder: RunFolder

    @property
    def results(self) -> Results:
        return self.folder.read_results()

    @property
    def responses(self) -> dict[str, Response]:
        """By sample id; there is nothing but answers."""
        with self.folder.journal() as journal:
            records = list(journal.records())
        found = {record.sample_id: record for record in records if isinstance(record, Response)}
        assert len(found) == len(records)
        return found

    def value(self, metric: str) -> float:
        value = self.results.metrics[metric].value
        assert value is not None
        return value


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program, model = serve_command(), trained_model()
    with served(program, model, tmp_path_factory.mktemp("server") / "server.log") as url:
        yield url


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of benchmarks: a photo a sample, two, more than the server takes; and a photo with two fields alone."""
    source = Path(os.environ["PEAKBENCH_SHARED"]) / "data" / "garments-real"
    folder = tmp_path_factory.mktemp("photos")
    shutil.copytree(source / "images", folder / "images")
    rows = [json.loads(line) for line in (source / "attributes.jsonl").read_text().splitlines()]
    garments: dict[str, Any] = {"extends": "garments-demo", "prompt": PROMPT}
    two_fields = {
        "task": "extraction",
        "prompt": PROMPT,
        "fields": TWO_FIELDS,
        "response_schema": bounded(TWO_FIELDS),
    }
    for name, before, keys in (
        ("photos", 0, garments | {"response_schema": bounded(FIELDS)}),
        ("pairs", 1, garments),
        ("crowds", 4, garments),
        ("two-fields", 0, two_fields),
    ):
        fields = keys.get("fields", FIELDS)
        with (folder / f"{name}.jsonl").open("w") as file:
            for number, row in enumerate(rows):
                images = [rows[number - back]["image"] for back in range(before, -1, -1)]
                reference = {key: value for key, value in json.loads(row["ground_truth"]).items() if key in fields}
                file.write(json.dumps(row | {"image": images, "ground_truth": reference}) + "\n")
        benchmark = keys | {
            "schema_version": 1,
            "id": name,
            "version": 1,
            "data": {"path": f"{name}.jsonl"},
            "columns": {"reference": "ground_truth", "cluster": "annotator"},
            "generation": {"max_tokens": 160},
        }
        (folder / f"{name}.yaml").write_text(json.dumps(benchmark))
    return folder


def run(benchmark: Path, url: str, into: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    line = command("run", benchmark, "--base-url", url, "-o", into, *words)
    return subprocess.run(line, cwd=into.parent, capture_output=True, text=True, timeout=600, check=False)


def asked(benchmark: Path, url: str, into: Path, model: str, *words: object) -> Asked:
    done = run(benchmark, url, into, "--model", model, *words)
    assert done.returncode == 0, done.stderr
    return Asked(the_run(into, model))


def the_run(into: Path, model: str) -> RunFolder:
    (folder,) = find_runs([into / model])
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work") / "runs"


@pytest.fixture(scope="module")
def free(url: str, photos: Path, runs: Path) -> Asked:
    return asked(photos / "photos.yaml", url, runs, FREE)


@pytest.fixture(scope="module")
def held(url: str, photos: Path, runs: Path) -> Asked:
    return asked(photos / "photos.yaml", url, runs, HELD, "--response-format", "json_schema")


def floor(runs: Path, name: str) -> float:
    (value,) = {run.read_results().metrics["weighted_score"].value for run in find_runs([runs / f"floor__{name}"])}
    assert value is not None
    return value


def test_a_trained_model_answers_every_photo_and_stands_above_all_floors(free: Asked, runs: Path) -> None:
    results = free.results
    assert (results.n, results.n_failed, results.n_unparsed, results.n_truncated) == (200, 0, 0, 0)
    floors = {name: floor(runs, name) for name in ("never_json", "always_null", "majority_value", "random_row")}
    assert max(floors.values()) + 0.05 < free.value("weighted_score") < 0.8 < floor(runs, "oracle") == 1.0
    assert all(answer.usage.prompt_tokens and answer.usage.completion_tokens for answer in free.responses.values())
    performance = results.performance
    assert performance is not None
    assert performance.completed == 200
    assert performance.total_output_tokens == sum(a.usage.completion_tokens or 0 for a in free.responses.values())


def test_the_server_and_its_version_are_recorded(free: Asked, url: str) -> None:
    with urllib.request.urlopen(f"{url}/version") as answer:
        version = json.load(answer)["version"]
    (session,) = free.folder.read_manifest().sessions
    assert session.server.version == version
    assert (session.server.owned_by, session.server.max_model_len) == ("vllm", 2048)
    assert session.server.root == str(trained_model())


def test_answers_held_to_a_schema_fit_it_in_the_order_of_its_keys_and_score_as_well(held: Asked, free: Asked) -> None:
    assert held.results.n_failed == held.results.n_truncated == 0
    assert held.value("schema_valid_rate") == held.value("json_parse_rate_strict") == 1.0
    for answer in held.responses.values():
        value = json.loads(answer.text)
        assert list(value) == list(FIELDS)
        assert answer.text == json.dumps(value, separators=(",", ":"), ensure_ascii=False)  # no white space is allowed
    assert abs(held.value("weighted_score") - free.value("weighted_score")) < 0.05


def test_a_schema_that_the_model_does_not_know_is_held_all_the_same(url: str, photos: Path, tmp_path: Path) -> None:
    benchmark = photos / "two-fields.yaml"
    for form, share in (("free", 0.0), ("json_schema", 1.0), ("structured_outputs", 1.0)):
        words = ("--limit", 20, "--response-format", form)
        answers = asked(benchmark, url, tmp_path / form, FREE, *words)
        assert answers.value("schema_valid_rate") == share
        if share:
            assert {tuple(json.loads(answer.text)) for answer in answers.responses.values()} == {tuple(TWO_FIELDS)}


def test_two_images_a_sample_reach_the_model_in_their_order(
    free: Asked, url: str, photos: Path, runs: Path, tmp_path: Path
) -> None:
    pairs = asked(photos / "pairs.yaml", url, tmp_path / "runs", FREE)
    assert (pairs.results.n, pairs.results.n_failed) == (200, 0)
    for sample, answer in pairs.responses.items():
        alone = free.responses[sample].usage.prompt_tokens
        assert alone is not None
        assert answer.usage.prompt_tokens is not None
        assert answer.usage.prompt_tokens > alone + 20  # an image takes 28 tokens or more
    # It was trained on one image, and answers for the last, which is the sample's own.
    assert pairs.value("weighted_score") > floor(runs, "majority_value")


def test_both_transports_are_told_the_same(free: Asked, url: str, photos: Path, tmp_path: Path) -> None:
    again = asked(photos / "photos.yaml", url, tmp_path / "runs", FREE, "--transport", "openai", "--limit", 40)
    theirs = free.responses
    same = sum(theirs[sample].text == answer.text for sample, answer in again.responses.items())
    assert same >= 32  # sums in another order may tip a word here and there
    assert {answer.usage.prompt_tokens for answer in again.responses.values()} <= {
        answer.usage.prompt_tokens for answer in theirs.values()
    }


def test_what_vllm_refuses_is_a_failure_and_no_answer(free: Asked, url: str, photos: Path, tmp_path: Path) -> None:
    done = run(photos / "crowds.yaml", url, tmp_path / "runs", "--model", FREE, "--limit", 5)
    assert done.returncode == 3, done.stderr
    with the_run(tmp_path / "runs", FREE).journal() as journal:
        records = list(journal.records())
    assert len(records) == 5
    for record in records:
        assert isinstance(record, Failure)
        assert (record.kind, record.status, record.timing.attempts) == (FailureKind.BAD_REQUEST, 400, 1)
        assert "image" in record.message
    done = run(photos / "photos.yaml", url, tmp_path / "unknown", "--model", "tiny-garmet")
    assert done.returncode == 5
    assert f"--model {FREE}" in done.stderr


def test_the_runs_make_a_board(free: Asked, held: Asked, runs: Path, tmp_path: Path) -> None:
    line = command("leaderboard", runs, "-o", tmp_path / "board")
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    board = json.loads((tmp_path / "board" / "board.json").read_text())
    ranked = {row["model"]: row["rank"] for row in board["rows"] if row["rank"] is not None}
    assert set(ranked) == {FREE, HELD}
    assert (tmp_path / "board" / "board.png").stat().st_size > 10_000
