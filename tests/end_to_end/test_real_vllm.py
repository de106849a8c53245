"""The real vLLM, from photos to a board: a small trained model on the 200 photos of the shared data.

What the mock server cannot show: the parameters that vLLM takes, what it makes of images and schemas, and its refusals.
"""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import command
from garment_photos import FIELDS, bounded, copy_photos, write_benchmark
from served_model import NAMES, serve_command, served, trained_model

from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.records import Failure, FailureKind, Response
from peakbench.runs.results import Results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FREE, HELD = NAMES
TWO_FIELDS = {"color": {"type": "categorical"}, "sleeve_length": {"type": "categorical", "null_values": ["none"]}}


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
def url(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program, model = serve_command(), trained_model()
    with served(program, model, tmp_path_factory.mktemp("server") / "server.log", photos) as url:
        yield url


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of benchmarks: a photo a sample, two, more than the server takes; and a photo with two fields alone."""
    serve_command()
    trained_model()  # without them there is nothing to copy photos for
    folder = tmp_path_factory.mktemp("photos")
    copy_photos(folder)
    garments = {"extends": "garments-demo"}
    write_benchmark(folder, "photos", garments | {"response_schema": bounded(FIELDS)})
    write_benchmark(folder, "pairs", garments, images_before=1)
    write_benchmark(folder, "crowds", garments, images_before=4)
    two_fields = {"task": "extraction", "fields": TWO_FIELDS, "response_schema": bounded(TWO_FIELDS)}
    write_benchmark(folder, "two-fields", two_fields)
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


def test_a_streamed_answer_is_the_whole_answer_and_its_tokens_are_timed(url: str, photos: Path, tmp_path: Path) -> None:
    words = ("--limit", 20, "--max-concurrency", 1)  # alone in its batch, an answer is the same every time
    whole = asked(photos / "photos.yaml", url, tmp_path / "whole", FREE, *words)
    streamed = asked(photos / "photos.yaml", url, tmp_path / "streamed", FREE, *words, "--stream")
    assert len(whole.responses) == 20
    for sample, answer in streamed.responses.items():
        other, timing = whole.responses[sample], answer.timing
        assert (answer.text, answer.finish_reason, answer.usage) == (other.text, other.finish_reason, other.usage)
        assert timing.ttft_ms is not None
        assert timing.itl_ms
        assert len(timing.itl_ms) < (answer.usage.completion_tokens or 0)
        assert 0 < timing.ttft_ms <= timing.e2el_ms  # on a busy machine all chunks may be read at once
        assert timing.ttft_ms + sum(timing.itl_ms) <= timing.e2el_ms + 0.01 * len(timing.itl_ms)
    assert streamed.value("weighted_score") == whole.value("weighted_score")
    timed, untimed = streamed.results.performance, whole.results.performance
    assert timed is not None
    assert untimed is not None
    for name in ("ttft", "tpot", "itl"):
        assert getattr(timed, f"mean_{name}_ms") > 0
        assert getattr(timed, f"p99_{name}_ms") >= getattr(timed, f"median_{name}_ms") >= 0
        assert getattr(untimed, f"mean_{name}_ms") is None
    assert (timed.mean_ttft_ms or 0) + (timed.mean_itl_ms or 0) < (timed.mean_e2el_ms or 0)


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_are_those_of_the_tokens_of_the_answer(
    url: str, photos: Path, tmp_path: Path, stream: bool
) -> None:
    words = ("--limit", 10, "--logprobs", 3, *(["--stream"] if stream else []))
    for answer in asked(photos / "photos.yaml", url, tmp_path / "runs", FREE, *words).responses.values():
        told = answer.logprobs
        assert told is not None
        assert len(told) == answer.usage.completion_tokens  # the one that ends the answer, too
        assert "".join(token.token for token in told).startswith(answer.text)
        for token in told:
            assert token.logprob is not None
            assert token.logprob <= 0
            assert len(token.top) >= 3
            # At temperature 0 the most probable token is taken.
            assert token.logprob == max(value for _, value in token.top if value is not None)


def test_files_sent_by_their_place_are_answered_as_their_bytes_are(
    free: Asked, url: str, photos: Path, tmp_path: Path
) -> None:
    placed = asked(photos / "photos.yaml", url, tmp_path / "runs", FREE, "--images-as", "file", "--limit", 40)
    assert len(placed.responses) == 40
    same = sum(free.responses[sample].text == answer.text for sample, answer in placed.responses.items())
    assert same >= 32
    for sample, answer in placed.responses.items():
        assert answer.usage.prompt_tokens == free.responses[sample].usage.prompt_tokens
    assert placed.folder.read_manifest().sessions[0].images_as == "file"


def test_files_that_vllm_may_not_read_stop_the_run_before_it_begins(url: str, photos: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(photos, elsewhere)
    words = ("--model", FREE, "--images-as", "file", "--limit", 5)
    done = run(elsewhere / "photos.yaml", url, tmp_path / "runs", *words)
    assert done.returncode == 5, done.stderr
    assert f"--allowed-local-media-path {elsewhere / 'images'}" in done.stderr
    with the_run(tmp_path / "runs", FREE).journal() as journal:
        assert not list(journal.records())
    # Smaller copies lie in the cache, where this server may not look either.
    done = run(photos / "photos.yaml", url, tmp_path / "smaller", *words, "--max-image-pixels", 4096)
    assert done.returncode == 5, done.stderr
    assert f"--allowed-local-media-path {photos / 'images'}" not in done.stderr
    assert "--allowed-local-media-path" in done.stderr


def test_images_made_smaller_are_what_the_model_sees(free: Asked, url: str, photos: Path, tmp_path: Path) -> None:
    small = asked(photos / "photos.yaml", url, tmp_path / "runs", FREE, "--max-image-pixels", 1024, "--limit", 40)
    assert (len(small.responses), small.results.n_failed, small.results.n_unparsed) == (40, 0, 0)
    # Of 32 by 32 pixels the model's own processor makes large ones again, but what is gone is gone.
    assert any(free.responses[sample].text != answer.text for sample, answer in small.responses.items())
    mine, other = (one.folder.read_manifest() for one in (small, free))
    assert set(mine.identity.differences(other.identity)) == {"generation", "data", "limit"}
    assert "1024" in json.dumps(mine.identity.generation)


def test_concurrency_finds_its_own_height(free: Asked, url: str, photos: Path, tmp_path: Path) -> None:
    found = asked(photos / "photos.yaml", url, tmp_path / "runs", FREE, "--max-concurrency", "auto:16")
    (session,) = found.folder.read_manifest().sessions
    assert (session.adaptive, session.max_concurrency) == (True, 16)
    course = session.course
    assert course is not None
    assert course.start == 8 <= course.highest <= 16
    assert 1 <= course.final <= course.highest
    assert course.cuts == 0
    assert abs(found.value("weighted_score") - free.value("weighted_score")) < 0.02


def test_repeats_of_a_greedy_model_agree(url: str, photos: Path, tmp_path: Path) -> None:
    twice = asked(photos / "photos.yaml", url, tmp_path / "runs", FREE, "--repeats", 2, "--limit", 40)
    results = twice.results
    assert (results.n, results.repeats, results.n_failed) == (40, 2, 0)
    with twice.folder.journal() as journal:
        keys = {(record.sample_id, record.repeat) for record in journal.records()}
    assert {repeat for _, repeat in keys} == {0, 1}
    assert len(keys) == 80
    assert twice.value("consistency_exact") >= 0.9
    variance = results.metrics["weighted_score"].repeat_variance
    assert variance is not None
    assert variance.n == 40
    assert variance.within < variance.between


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
