"""Going on with a run: texts whose file is the same are not read again, and nothing else is taken on trust."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.errors import BadInputError
from peakbench.jobs.run import RunOutcome, run_benchmark
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.manifest import ModelFacts

REGISTRY = Registry.load()
TEXTS = """
schema_version: 1
id: texts
version: 1
task: text
data: {path: data.jsonl}
columns: {image: null}
prompt: {template: "What is {{ thing }}?"}
metrics: [levenshtein_ratio, failure_rate]
rank_by: levenshtein_ratio
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = [{"id": f"s{i}", "thing": f"thing {i}", "reference": f"Number {i}."} for i in range(12)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "benchmark.yaml").write_text(TEXTS)
    return tmp_path / "benchmark.yaml"


@pytest.fixture
def given(server: RunningMockServer, tmp_path: Path) -> RunSettings:
    return RunSettings(ModelFacts(name="constant-null"), Endpoint(server.base_url), tmp_path / "runs")


def run(path: Path, given: RunSettings) -> RunOutcome:
    return run_benchmark(find_benchmark(str(path)), given, REGISTRY)


def broken_off(path: Path, given: RunSettings, patch: pytest.MonkeyPatch, kept: int = 5) -> RunFolder:
    """A run whose process was killed after some answers."""

    class KilledError(Exception):
        pass

    def killed(*_: object, **__: object) -> NoReturn:
        raise KilledError

    with patch.context() as here, pytest.raises(KilledError):
        here.setattr("peakbench.jobs.run.ensure_floors", killed)
        run(path, given)
    (folder,) = find_runs([given.output / "constant-null"])
    lines = folder.journal_path.read_bytes().splitlines(keepends=True)
    folder.journal_path.write_bytes(b"".join(lines[: 1 + kept]))
    folder.write_manifest(folder.read_manifest().model_copy(update={"finished": None}))
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """How often the data was read."""
    found: list[object] = []
    each = Benchmark.each_sample

    def counted(self: Benchmark, *words: Any) -> Iterator[Any]:
        found.append(words)
        return each(self, *words)

    monkeypatch.setattr(Benchmark, "each_sample", counted)
    return found


def test_the_data_of_texts_is_read_once(
    path: Path, given: RunSettings, monkeypatch: pytest.MonkeyPatch, reads: list[object]
) -> None:
    folder = broken_off(path, given, monkeypatch)
    assert folder.working_path.is_file()
    ended = run(path, replace(given, resume=True))
    assert len(reads) == 1
    assert (ended.folder.path, ended.results.n) == (folder.path, 12)
    assert not folder.working_path.exists()
    with folder.journal() as journal:
        assert [record.sample_id for record in journal.records()] != []
        assert len(journal) == 12


@pytest.mark.parametrize("limit", [7, 12, 50])
def test_a_limited_run_goes_on_without_reading(
    path: Path, given: RunSettings, monkeypatch: pytest.MonkeyPatch, reads: list[object], limit: int
) -> None:
    given = replace(given, limit=limit)
    broken_off(path, given, monkeypatch)
    assert run(path, replace(given, resume=True)).results.n == min(limit, 12)
    assert len(reads) == 1


@pytest.mark.parametrize("kept", [b"", b"x\n", 0.5, 0.999])
def test_samples_that_were_cut_off_are_read_again(
    path: Path, given: RunSettings, monkeypatch: pytest.MonkeyPatch, reads: list[object], kept: bytes | float
) -> None:
    folder = broken_off(path, given, monkeypatch)
    whole = folder.working_path.read_bytes()
    folder.working_path.write_bytes(kept if isinstance(kept, bytes) else whole[: int(kept * len(whole))])
    assert run(path, replace(given, resume=True)).results.n == 12
    assert len(reads) == 2


def test_other_bytes_of_the_same_samples_are_read_and_go_on(
    path: Path, given: RunSettings, monkeypatch: pytest.MonkeyPatch, reads: list[object]
) -> None:
    folder = broken_off(path, given, monkeypatch)
    data = path.with_name("data.jsonl")
    data.write_text(data.read_text().replace('", "', '",  "'))
    assert run(path, replace(given, resume=True)).folder.path == folder.path
    assert len(reads) == 2


@pytest.mark.parametrize(
    ("name", "old", "new", "differs"),
    [
        ("data.jsonl", "Number 7", "Number 8", "data:"),
        ("benchmark.yaml", "What is", "What was", "prompt:"),
        ("benchmark.yaml", "image: null", "image: null, evidence: thing", "data:"),
        ("benchmark.yaml", "version: 1\ntask", "version: 1\ngeneration: {max_tokens: 9}\ntask", "generation:"),
    ],
)
def test_what_changed_is_noticed(
    path: Path, given: RunSettings, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str, differs: str
) -> None:
    broken_off(path, given, monkeypatch)
    changed = path.with_name(name)
    assert old in changed.read_text()
    changed.write_text(changed.read_text().replace(old, new))
    with pytest.raises(BadInputError, match=differs):
        run(path, replace(given, resume=True))


def test_another_limit_or_seed_is_noticed(path: Path, given: RunSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_off(path, replace(given, limit=7), monkeypatch)
    for other in ({"limit": 6}, {"limit": None}, {"limit": 7, "seed": 1}):
        with pytest.raises(BadInputError, match="differs in"):
            run(path, replace(given, resume=True, **other))


def test_bad_rows_that_were_left_out_are_not_left_out_unasked(
    path: Path, given: RunSettings, monkeypatch: pytest.MonkeyPatch, reads: list[object]
) -> None:
    with path.with_name("data.jsonl").open("a") as file:
        file.write("{}\n")
    broken_off(path, replace(given, skip_bad=True), monkeypatch)
    with pytest.raises(BadInputError, match="line 13: column `id` is missing"):
        run(path, replace(given, resume=True))
    assert run(path, replace(given, resume=True, skip_bad=True)).folder.read_manifest().data.n_skipped == 1
    assert len(reads) == 2


def test_pictures_are_looked_at_again(
    tiny: Callable[..., Path], given: RunSettings, monkeypatch: pytest.MonkeyPatch, reads: list[object]
) -> None:
    path = tiny(6)
    folder = broken_off(path, given, monkeypatch, kept=3)
    assert folder.read_manifest().data.file_sha256 is None
    run(path, replace(given, resume=True))
    assert len(reads) == 2
