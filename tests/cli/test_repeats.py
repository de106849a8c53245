"""`--repeats`: every sample asked again, in turns, and what comes of it in the results."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import pytest

from peakbench.mock import MockServerSettings, run_in_thread
from peakbench.mock.answers import MockAnswer
from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import find_runs
from peakbench.runs.results import Results

if TYPE_CHECKING:
    from PIL.Image import Image

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]


class Wavering:
    """Changes its mind about the red pictures at every second look."""

    name = "wavering"

    def __init__(self) -> None:
        self._looks: Counter[bytes] = Counter()
        self._lock = Lock()

    def answer(self, image: "Image", prompt: str) -> MockAnswer:
        pixels = image.tobytes()
        with self._lock:
            looks = self._looks[pixels]
            self._looks[pixels] += 1
        wavers = pixels[0] < 3 and looks % 2
        return MockAnswer(json.dumps({"type": None, "color": "blue" if wavers else None, "size": None}))


@pytest.fixture
def wavering() -> Iterator[RunningMockServer]:
    with run_in_thread([Wavering()], MockServerSettings()) as server:
        yield server


def test_repeats_are_asked_in_turns_and_their_agreement_is_measured(
    peakbench: Run, tiny: Tiny, wavering: RunningMockServer, tmp_path: Path
) -> None:
    asked = ("run", tiny(), "-m", "wavering", "--base-url", wavering.base_url, "-j", "1")
    done = peakbench(*asked, "--repeats", "3")
    assert done.returncode == 0, done.stderr
    assert "6 samples, each asked 3 times" in done.stdout
    assert "consistency_exact" in done.stdout
    (folder,) = find_runs([tmp_path / "runs" / "wavering"])
    lines = [json.loads(line) for line in folder.journal_path.read_text().splitlines()[1:]]
    samples = [f"s{index:04d}" for index in range(6)]
    assert [(line["repeat"], line["sample_id"]) for line in lines] == [(r, s) for r in range(3) for s in samples]

    results = folder.read_results()
    assert (results.n, results.repeats, results.n_unparsed) == (6, 3, 0)
    consistency = results.metrics["consistency_exact"]
    assert consistency.value == pytest.approx((3 * 1 / 3 + 3 * 1) / 6)  # of s0000 to s0002 one pair in three agrees
    assert (consistency.n, consistency.n_defined) == (6, 6)
    assert consistency.ci is not None
    match = results.metrics["structured_match"]
    assert (match.n, match.n_defined) == (6, 6)
    variance = match.repeat_variance
    assert variance is not None
    # Half of the references are null in every field: s0000 and s0002 lose a third of the score in one repeat of three.
    assert variance.within == pytest.approx(2 / 6 * (1 / 3) ** 2 / 3)
    assert variance.n == 6

    other = peakbench(*asked, "--repeats", "2", "--resume")
    assert other.returncode == 2
    assert "repeats" in other.stderr


def test_one_repeat_says_that_agreement_needs_two(peakbench: Run, tiny: Tiny, wavering: RunningMockServer) -> None:
    done = peakbench("run", tiny(), "-m", "wavering", "--base-url", wavering.base_url, "--json")
    assert done.returncode == 0, done.stderr
    results = Results.model_validate(json.loads(done.stdout)["results"])
    consistency = results.metrics["consistency_exact"]
    assert (consistency.value, consistency.undefined) == (None, {"fewer than 2 repeats": 6})
    assert results.metrics["structured_match"].repeat_variance is None


def test_a_sweep_repeats_every_model_and_its_board_says_so(
    peakbench: Run, tiny: Tiny, wavering: RunningMockServer, tmp_path: Path
) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(f"schema_version: 1\nbenchmarks: [{tiny()}]\nmodels: [{{name: wavering}}]\n")
    done = peakbench("sweep", file, "--base-url", wavering.base_url, "--epochs", "2", "--board", "board")
    assert done.returncode == 0, done.stderr
    (row,) = [row for row in json.loads((tmp_path / "board/board.json").read_text())["rows"] if row["kind"] == "model"]
    assert (row["n"], row["repeats"]) == (6, 2)
    assert row["metrics"]["consistency_exact"]["value"] == pytest.approx(0.5)


@pytest.mark.parametrize("repeats", ["0", "-1", "1001", "two"])
def test_a_number_of_repeats_that_makes_no_sense_is_refused(peakbench: Run, tiny: Tiny, repeats: str) -> None:
    done = peakbench("run", tiny(), "-m", "m", "--base-url", "http://127.0.0.1:9/v1", "--repeats", repeats)
    assert done.returncode == 2
    assert "repeats" in done.stderr
