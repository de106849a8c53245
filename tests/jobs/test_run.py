"""A run from its first request to its scores: what is asked again and what is not, wherever it was broken off."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.errors import BadInputError, InfrastructureError, InterruptedRunError
from peakbench.jobs import run as run_module
from peakbench.jobs.run import RunOutcome, run_benchmark
from peakbench.jobs.score import score_run
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.mock import Faults, MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.asking import AskingSettings
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.manifest import ModelFacts

Tiny = Callable[..., Path]
NOWHERE = Endpoint("http://127.0.0.1:9/v1")


@pytest.fixture
def settings(server: RunningMockServer, tmp_path: Path) -> RunSettings:
    return RunSettings(
        model=ModelFacts(name="constant-null"), endpoint=Endpoint(server.base_url), output=tmp_path / "runs"
    )


def run(path: Path, settings: RunSettings, watching: Watching | None = None) -> RunOutcome:
    return run_benchmark(find_benchmark(str(path)), settings, Registry.load(), watching)


def the_run(settings: RunSettings) -> RunFolder:
    (found,) = find_runs([settings.output / "constant-null"])
    return found


def without_last_words(folder: RunFolder) -> None:
    """As a process leaves it that was killed after its last answer: nothing finished, nothing scored."""
    folder.write_manifest(folder.read_manifest().model_copy(update={"finished": None}))
    folder.results_path.unlink()


def test_a_run_with_every_answer_ends_without_a_server(tiny: Tiny, settings: RunSettings) -> None:
    path = tiny()
    first = run(path, settings)
    without_last_words(first.folder)
    again = run(path, replace(settings, endpoint=NOWHERE, resume=True))
    assert again.results == first.results
    assert first.folder.read_manifest().finished is not None
    assert len(first.folder.read_manifest().sessions) == 1


def test_scoring_a_run_with_every_answer_finishes_it(tiny: Tiny, settings: RunSettings) -> None:
    first = run(tiny(), settings)
    without_last_words(first.folder)
    with first.folder.lock():
        score_run(first.folder, Registry.load())
    assert first.folder.read_manifest().finished is not None


def test_a_finished_run_is_kept_without_a_server(tiny: Tiny, settings: RunSettings) -> None:
    path = tiny()
    first = run(path, settings)
    kept = run(path, replace(settings, endpoint=NOWHERE, keep_finished=True))
    assert kept.results == first.results
    assert len(first.folder.read_manifest().sessions) == 1


def test_failures_of_a_kept_run_are_asked_again_when_that_is_wanted(tiny: Tiny, settings: RunSettings) -> None:
    path = tiny(20)
    faults = MockServerSettings(faults=Faults(rate_429=0.5, max_per_request=100))
    with run_in_thread(build_models(["constant-null"]), faults) as flaky:
        broken = replace(settings, endpoint=Endpoint(flaky.base_url), asking=AskingSettings(max_retries=0))
        first = run(path, broken)
    assert first.results.n_failed > 0
    assert run(path, replace(settings, keep_finished=True)).results.n_failed == first.results.n_failed
    assert run(path, replace(settings, keep_finished=True, retry_failed=True)).results.n_failed == 0


def test_results_from_before_a_retry_never_stand_for_those_after_it(
    tiny: Tiny, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny(20)
    faults = MockServerSettings(faults=Faults(rate_429=0.5, max_per_request=100))
    with run_in_thread(build_models(["constant-null"]), faults) as flaky:
        broken = replace(settings, endpoint=Endpoint(flaky.base_url), asking=AskingSettings(max_retries=0))
        assert run(path, broken).results.n_failed > 0

    class KilledError(Exception):
        pass

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(run_module, "score_run", killed)
        run(path, replace(settings, resume=True, retry_failed=True))
    assert not the_run(settings).results_path.exists()
    assert run(path, replace(settings, endpoint=NOWHERE, resume=True)).results.n_failed == 0


def test_a_server_that_is_away_costs_no_results(tiny: Tiny, settings: RunSettings) -> None:
    path = tiny(20)
    faults = MockServerSettings(faults=Faults(rate_429=0.5, max_per_request=100))
    with run_in_thread(build_models(["constant-null"]), faults) as flaky:
        broken = replace(settings, endpoint=Endpoint(flaky.base_url), asking=AskingSettings(max_retries=0))
        first = run(path, broken)
    with pytest.raises(InfrastructureError, match="no server answers"):
        run(path, replace(settings, endpoint=NOWHERE, resume=True, retry_failed=True))
    assert first.folder.read_results() == first.results
    assert first.folder.read_manifest().finished is not None


def test_a_run_broken_off_while_its_floors_were_made_goes_on(
    tiny: Tiny, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny()

    def full(*_: object) -> None:
        raise InfrastructureError("the disk is full", mend="free some space")

    with monkeypatch.context() as patch, pytest.raises(InfrastructureError, match="full"):
        patch.setattr(run_module, "ensure_floors", full)
        run(path, settings)
    run(path, replace(settings, resume=True))
    assert (settings.output / "floor__oracle").is_dir()


@pytest.mark.parametrize("missing", [("responses.jsonl",), ("responses.jsonl", "results.json", "scores.parquet")])
def test_a_run_that_never_had_a_journal_goes_on(tiny: Tiny, settings: RunSettings, missing: tuple[str, ...]) -> None:
    path = tiny()
    first = run(path, settings)
    for name in missing:
        (first.folder.path / name).unlink()
    first.folder.write_manifest(first.folder.read_manifest().model_copy(update={"finished": None}))
    assert run(path, replace(settings, resume=True)).results.n == 6


def test_a_folder_without_a_manifest_stands_in_no_way(tiny: Tiny, settings: RunSettings) -> None:
    (settings.output / "constant-null" / "tiny@1" / "20200101T000000Z-00000000").mkdir(parents=True)
    assert run(tiny(), settings).results.n == 6


def test_a_limit_that_the_data_does_not_reach_is_none(tiny: Tiny, settings: RunSettings) -> None:
    path = tiny(6)
    limited = run(path, replace(settings, limit=100))
    whole = run(path, settings)
    assert limited.results.comparable == whole.results.comparable
    assert limited.folder.read_manifest().identity == whole.folder.read_manifest().identity


def test_the_fingerprint_tells_how_a_run_was_asked_and_not_how_often_it_was_broken_off(
    tiny: Tiny, settings: RunSettings
) -> None:
    path = tiny()
    first = run(path, settings)
    lines = first.folder.journal_path.read_bytes().splitlines(keepends=True)
    first.folder.journal_path.write_bytes(b"".join(lines[:4]))
    without_last_words(first.folder)
    resumed = run(path, replace(settings, resume=True))
    assert resumed.results.fingerprint == first.results.fingerprint
    first.folder.journal_path.write_bytes(b"".join(lines[:4]))
    without_last_words(first.folder)
    gently = run(path, replace(settings, resume=True, asking=AskingSettings(max_concurrency=2)))
    assert gently.results.fingerprint != first.results.fingerprint


def test_ctrl_c_at_every_stage_says_how_to_go_on(
    tiny: Tiny, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    path = tiny()
    for number, stage in enumerate(("ask_missing", "ensure_floors", "score_run")):
        with monkeypatch.context() as patch, pytest.raises(InterruptedRunError) as told:
            patch.setattr(run_module, stage, interrupted)
            run(path, replace(settings, resume=number > 0, command="peakbench run x"))
        assert "peakbench run x --resume" in told.value.mend
    assert run(path, replace(settings, resume=True)).results.n == 6


def test_a_job_that_cannot_be_gone_on_with_does_not_say_so(
    tiny: Tiny, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "ask_missing", interrupted)
    with pytest.raises(InterruptedRunError) as told:
        run(tiny(), replace(settings, fresh=True, command=""))
    assert "--resume" not in told.value.mend


def test_the_journal_of_another_run_is_not_scored(tiny: Tiny, settings: RunSettings) -> None:
    first = run(tiny(), settings)
    content = first.folder.journal_path.read_text()
    first.folder.journal_path.write_text(content.replace(first.folder.read_manifest().identity_digest, "0" * 64))
    with pytest.raises(BadInputError, match="another run"):
        score_run(first.folder, Registry.load())


def test_rendered_data_is_rendered_again_for_scoring(
    settings: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache may be deleted at any time, and a run folder may be taken to another machine."""
    monkeypatch.setenv("PEAKBENCH_CACHE", str(tmp_path / "cache"))
    text = find_benchmark("garments-demo").path.read_text()
    assert "n: 200" in text
    (tmp_path / "few.yaml").write_text(text.replace("n: 200", "n: 3"))
    first = run(tmp_path / "few.yaml", settings)
    shutil.rmtree(tmp_path / "cache")
    with first.folder.lock():
        assert score_run(first.folder, Registry.load()).metrics == first.results.metrics


def test_what_is_asked_about_is_written_before_the_first_request_and_once(tiny: Tiny, settings: RunSettings) -> None:
    path = tiny(4)
    seen: list[int] = []
    watching = Watching(show=lambda _: seen.append(len(list(the_run(settings).samples()))))
    folder = run(path, replace(settings, limit=3), watching).folder
    assert set(seen) == {3}
    samples = list(folder.samples())
    with folder.journal() as journal:
        assert {record.sample_id: record.sample_digest for record in journal.records()} == {
            sample.id: sample.digest for sample in samples
        }
    for sample in samples:
        (image,) = sample.files
        content = Path(image.path).read_bytes()
        assert Path(image.path) == path.parent / "images" / f"{sample.line - 1}.png"
        assert (image.sha256, image.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (image.width, image.height, image.mime) == (8, 8, "image/png")
    (oracle,) = find_runs([settings.output / "floor__oracle"])
    assert list(oracle.samples()) == samples


def test_a_run_that_is_gone_on_with_keeps_what_it_says_was_asked(tiny: Tiny, settings: RunSettings) -> None:
    path = tiny(4)
    folder = run(path, settings).folder
    written = folder.samples_path.read_bytes()
    time = folder.samples_path.stat().st_mtime_ns
    without_last_words(folder)
    run(path, replace(settings, resume=True))
    assert folder.samples_path.stat().st_mtime_ns == time
    without_last_words(folder)
    folder.samples_path.unlink()  # killed between run.json and this file
    run(path, replace(settings, resume=True))
    assert folder.samples_path.read_bytes() == written
