"""Sweeps: everything in the file is checked before the first request, and models are told apart."""

from collections.abc import Callable
from pathlib import Path

import pytest

from peakbench.errors import BadInputError
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.sweep import combinations, read_sweep, sweep
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.manifest import ModelFacts

Tiny = Callable[..., Path]


def written(folder: Path, text: str) -> str:
    (folder / "sweep.yaml").write_text(f"schema_version: 1\n{text}")
    return str(folder / "sweep.yaml")


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("[{name: a}, {name: b}, {name: a, quantization: AWQ}]", "`a` is given twice"),
        ("[{name: a, revision: x}, {name: a, revision: x}]", "`a` is given twice"),
        ("[{name: ''}]", "the name of a model"),
        ('[{name: "\\ud800"}]', "the name of a model"),
    ],
)
def test_models_that_cannot_be_told_apart_or_named_are_refused(tmp_path: Path, models: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        read_sweep(written(tmp_path, f"benchmarks: [garments-demo]\nmodels: {models}\n"))


def test_a_benchmark_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="`garments-demo` is given twice"):
        read_sweep(written(tmp_path, "benchmarks: [garments-demo, garments-demo]\nmodels: [{name: a}]\n"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("benchmarks: [{path}, no-such-benchmark]\nmodels: [{{name: constant-null}}]", "no-such-benchmark"),
        ("benchmarks: [{path}]\nmodels: [{{name: constant-null}}, {{name: b, base_url: 'ftp://x'}}]", "ftp://x"),
    ],
)
def test_what_is_wrong_at_the_end_of_a_file_is_told_before_the_first_request(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path, change: str, said: str
) -> None:
    file, path = read_sweep(written(tmp_path, change.format(path=tiny())))
    settings = RunSettings(ModelFacts(name="x"), Endpoint(server.base_url), tmp_path / "runs")
    with pytest.raises(BadInputError, match=said):
        sweep(combinations(file, path, settings), Registry.load(), lambda _: Watching())
    assert not (tmp_path / "runs").exists()
