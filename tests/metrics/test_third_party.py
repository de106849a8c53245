"""Metrics of other people: found, allowed or refused, and told when they break."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakbench.content import content_root
from peakbench.errors import BadInputError, ExitCode, MetricError, OutOfRangeError
from peakbench.metrics.golden.case import response_of, sample_of
from peakbench.metrics.metric import Answer, TimingMetric
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import find_runs
from peakbench.runs.records import Prediction

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
Run = Callable[..., subprocess.CompletedProcess[str]]

CLASS = """
from peakbench.metrics import MeanMetric

class Metric(MeanMetric):
    def measure(self, answer):
        yield self.one({value})
"""
ENTRY = {
    "id": "mine",
    "version": 1,
    "title": "Mine",
    "family": "text",
    "level": "sample",
    "applies_to": ["text"],
    "formula": "mine",
    "range": [0, 1],
    "unit": "fraction",
    "direction": "higher",
    "undefined": "never",
    "on_unparsed": 0,
    "on_failed": 0,
    "statistics": ["sum", "n"],
    "interval": "t",
    "card": "card.md",
}


def project(folder: Path, implementation: str, code: str = "", **changes: Any) -> Path:
    """A registry file with one metric more, its card, and its code in `metric.py`."""
    (folder / "card.md").write_text("# Mine\n", encoding="utf-8")
    (folder / "metric.py").write_text(code, encoding="utf-8")
    entry = {**ENTRY, "implementation": implementation, **changes}
    path = folder / "mine.json"
    path.write_text(json.dumps({"schema_version": 1, "extends": "canonical", "metrics": [entry]}), encoding="utf-8")
    return path


def text_answer() -> Answer:
    return Answer(sample_of({}), response_of("a"), Prediction("a", None, "strict", "a"), {}, "a", "b")


def test_code_that_a_file_names_runs_only_where_it_is_allowed(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w').close()\n" + CLASS.format(value=0.5)
    path = project(tmp_path, "./metric.py:Metric", code)
    with pytest.raises(BadInputError, match=r"metric `mine`: implementation `\./metric\.py:Metric`") as caught:
        Registry.load(path)
    assert "--allow-code" in caught.value.mend
    assert not ran.exists()
    registry = Registry.load(path, allow_code=True)
    assert ran.exists()
    assert registry.metric("mine", None).score(text_answer())[0].value == 0.5


def test_a_module_that_is_not_peakbenchs_runs_only_where_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "others_metrics.py").write_text(CLASS.format(value=0.25), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    path = project(tmp_path, "others_metrics:Metric")
    with pytest.raises(BadInputError, match="not PeakBench's own"):
        Registry.load(path)
    assert "others_metrics" not in sys.modules
    metric = Registry.load(path, allow_code=True).metric("mine", None)
    assert metric.score(text_answer())[0].value == 0.25
    del sys.modules["others_metrics"]


def test_an_entry_point_of_an_installed_package_needs_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    facts = site / "others-1.0.dist-info"
    facts.mkdir(parents=True)
    (site / "others_package.py").write_text(CLASS.format(value=0.75), encoding="utf-8")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n", encoding="utf-8")
    points = "mine = others_package:Metric\nbroken = others_package:Nothing\n"
    (facts / "entry_points.txt").write_text(f"[peakbench.metrics]\n{points}", encoding="utf-8")
    path = project(tmp_path, "entry-point:mine")
    with pytest.raises(BadInputError, match="`entry-point:mine` is not installed"):
        Registry.load(path)
    monkeypatch.syspath_prepend(str(site))
    metric = Registry.load(path).metric("mine", None)
    assert metric.score(text_answer())[0].value == 0.75
    assert re.search(r"\|code=[0-9a-f]{8}\|", metric.signature)
    with pytest.raises(BadInputError, match=r"entry-point:broken` cannot be imported: AttributeError"):
        Registry.load(project(tmp_path, "entry-point:broken"))
    del sys.modules["others_package"]


def test_what_is_only_installed_does_not_run(tmp_path: Path) -> None:
    assert {one.implementation.partition(".")[0] for one in Registry.load().definitions} == {"peakbench"}


@pytest.mark.parametrize(
    ("implementation", "code", "message"),
    [
        ("./none.py:Metric", "", r"none\.py is not there"),
        ("./../metric.py:Metric", "", r"lies outside"),
        ("./metric.py:Other", CLASS, r"it has no `Other`"),
        ("./metric.py:Metric", "import nothing_of_that_name", r"cannot be imported: No module named"),
        ("./metric.py:Metric", "1 / 0", r"cannot be imported: ZeroDivisionError"),
        ("./metric.py:Metric", "class", r"cannot be imported: SyntaxError"),
        ("./metric.py:Metric", "raise SystemExit(0)", r"cannot be imported: SystemExit"),
        ("./metric.py:Metric", "Metric = 7", r"is no Metric"),
        ("./metric.py:Metric", "from peakbench.metrics import Metric", r"is not whole"),
        ("no_such_module_at_all:Metric", "", r"cannot be imported"),
        ("/metric.py:Metric", "", r"metric `mine`: implementation"),
        ("metric.py", "", r"metric `mine`: implementation"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, implementation: str, code: str, message: str) -> None:
    path = project(tmp_path, implementation, code)
    with pytest.raises(BadInputError) as caught:
        Registry.load(path, allow_code=True)
    assert "`mine`" in caught.value.message
    assert re.search(message, caught.value.message), caught.value.message
    assert caught.value.mend


def test_a_change_of_the_code_changes_the_signature(tmp_path: Path) -> None:
    signatures = []
    for value in ("0.5", "0.6"):
        path = project(tmp_path, "./metric.py:Metric", CLASS.format(value=value))
        signatures.append(Registry.load(path, allow_code=True).metric("mine", None).signature)
    assert len(set(signatures)) == 2
    assert "code=" not in Registry.load().metric("rouge_l", None).signature


def test_a_timing_metric_may_be_another_persons(tmp_path: Path) -> None:
    lines = (
        "from peakbench.metrics import TimingMetric",
        "class Metric(TimingMetric):",
        "    def from_timings(self, timings):",
        "        return 1.0",
    )
    code = "\n".join(lines)
    changes = {"applies_to": ["timing"], "level": "dataset", "statistics": [], "on_unparsed": None, "on_failed": None}
    registry = Registry.load(project(tmp_path, "./metric.py:Metric", code, **changes), allow_code=True)
    metric = registry.timing_metrics()["mine"]
    assert isinstance(metric, TimingMetric)
    assert "|code=" in metric.signature


def test_an_error_in_the_code_names_metric_and_sample(tmp_path: Path) -> None:
    path = project(tmp_path, "./metric.py:Metric", CLASS.format(value="{}['gone']"))
    metric = Registry.load(path, allow_code=True).metric("mine", None)
    with pytest.raises(MetricError, match=r"metric mine \(\./metric\.py:Metric\): KeyError: 'gone', for sample golden"):
        metric.score(text_answer())


def test_a_value_out_of_range_names_metric_and_sample(tmp_path: Path) -> None:
    path = project(tmp_path, "./metric.py:Metric", CLASS.format(value=1.5))
    with pytest.raises(OutOfRangeError, match=r"metric mine: 1\.5 for sample golden"):
        Registry.load(path, allow_code=True).metric("mine", None).score(text_answer())


def documented(folder: Path) -> Path:
    """The example of docs/metrics.md, laid out as its headings say."""
    text = DOCS.read_text(encoding="utf-8")
    found = re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert [name for name, _ in found] == [
        "metrics/length_agreement/metric.py",
        "my_metrics.json",
        "metrics/length_agreement/card.md",
    ]
    for name, content in found:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    assert len(found[0][1].splitlines()) + len(found[1][1].splitlines()) <= 22
    return folder / "my_metrics.json"


def test_the_documented_example_scores_runs_and_stands_on_their_board(
    peakbench: Run, tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path
) -> None:
    documented(tmp_path)
    assert peakbench("run", tiny(4), "-m", "constant-null", "--base-url", server.base_url).returncode == 0
    words = ("--metrics", "my_metrics.json")
    refused = peakbench("score", "runs", *words)
    assert refused.returncode == ExitCode.BAD_INPUT
    assert "metric `length_agreement`" in refused.stderr
    assert "--allow-code" in refused.stderr
    scored = peakbench("score", "runs", *words, "--allow-code")
    assert scored.returncode == 0, scored.stderr
    registry = Registry.load(tmp_path / "my_metrics.json", allow_code=True)
    for run in find_runs([tmp_path / "runs"]):
        results = run.read_results()
        assert results.registry == registry.digest
        assert "|code=" in results.metrics["length_agreement"].signature
        if results.kind == "run":
            assert results.metrics["length_agreement"].value == 0.5  # half of the references are null, as the answers
            assert run.read_manifest().registry == Registry.load().digest
    board = peakbench("leaderboard", "runs", *words, "--allow-code")
    assert board.returncode == 0, board.stderr
    assert "Length" in board.stdout


@pytest.mark.slow
def test_runs_scored_by_two_registries_share_no_board(
    peakbench: Run, tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path
) -> None:
    words = ("--metrics", documented(tmp_path), "--allow-code")
    assert peakbench("run", tiny(4), "-m", "constant-null", "--base-url", server.base_url, *words).returncode == 0
    other = peakbench("leaderboard", "runs")
    assert other.returncode == ExitCode.NOT_COMPARABLE
    assert "score them all by one registry" in other.stderr
    assert "How close the answer's length is" in peakbench("metrics", "show", "length_agreement", *words).stdout
    assert "length_agreement" in peakbench("metrics", "list", *words).stdout
    assert peakbench("metrics", "verify", *words).returncode == 0


@pytest.mark.slow
def test_an_error_in_another_persons_code_stops_the_run_and_leaves_a_report(
    peakbench: Run, tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path
) -> None:
    path = documented(tmp_path)
    code = tmp_path / "metrics" / "length_agreement" / "metric.py"
    code.write_text(code.read_text(encoding="utf-8").replace("len(answer.reference_text)", "answer.nothing"))
    words = ("run", tiny(4), "-m", "constant-null", "--base-url", server.base_url)
    done = peakbench(*words, "--metrics", path, "--allow-code")
    assert done.returncode == ExitCode.INTERNAL
    assert "metric length_agreement" in done.stderr
    assert "for sample s0000" in done.stderr
    (report,) = re.findall(r"the traceback is in (\S+)", done.stderr)
    assert "metric.py" in Path(report).read_text(encoding="utf-8")
    Path(report).unlink()
    assert peakbench(*words, "--resume").returncode == 0


@pytest.mark.slow
def test_an_installed_package_brings_a_metric(peakbench_process: Run, tmp_path: Path) -> None:
    """A package with the entry point that docs/metrics.md shows, built and installed by pip."""
    path = documented(tmp_path)
    package = tmp_path / "package" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    code = tmp_path / "metrics" / "length_agreement" / "metric.py"
    (package / "metrics.py").write_text(code.read_text(encoding="utf-8"), encoding="utf-8")
    code.unlink()
    (points,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    head = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    (package.parent / "pyproject.toml").write_text(
        f'{head}[project]\nname = "my-package"\nversion = "1.0"\n{points}', encoding="utf-8"
    )
    site = tmp_path / "site"
    words = ("install", "--quiet", "--no-deps", "--no-build-isolation", "--target", site, package.parent)
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["metrics"][0]["implementation"] = "entry-point:length_agreement"
    path.write_text(json.dumps(content), encoding="utf-8")
    root = str(content_root())
    done = peakbench_process("metrics", "list", "--metrics", path, PYTHONPATH=f"{site}:{root}")
    assert "length_agreement" in done.stdout, done.stderr
    assert "is not installed" in peakbench_process("metrics", "list", "--metrics", path, PYTHONPATH=root).stderr
