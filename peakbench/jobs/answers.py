"""Scoring answers that are at hand: no server, no run folder, nothing is written.

The answers go the way of a run's: the same extraction, metrics and statistics, so the same answers score the same
numbers here and with `peakbench score`.
"""

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.floors import majority_answer
from peakbench.benchmarks.loaders import Finding, told
from peakbench.benchmarks.references import reference_reader
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.values import without_surrogates
from peakbench.errors import BadInputError
from peakbench.jobs.score import answers_to, metrics_of, score_answers
from peakbench.leaderboards.wording import plural, quantity
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, Usage
from peakbench.runs.results import MetricResult
from peakbench.runs.scores import ScoreColumns, groups_of_table
from peakbench.statistics.frames import results_frame, scores_frame
from peakbench.statistics.summary import summarise

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

GivenPrediction = str | Mapping[str, Any] | Sequence[Any] | Record | None
"""A prediction: a response's text, JSON already parsed, a record of a run, or None for a request that failed."""

_SHOWN_IDS = 5


@dataclass(frozen=True, repr=False, eq=False)
class ScoredAnswers:
    """What answers scored. `scored["weighted_score"]` is a metric's result; printed, it is a small table.

    Attributes:
        benchmark: `id@version`.
        n: Samples.
        n_failed: Samples without a prediction.
        n_unparsed: Samples from whose answer nothing could be extracted.
        n_truncated: Samples whose answer is known to have ended because it was too long.
        rank_by: The metric that boards of the benchmark rank by; None where it is not scored.
        results: Metric id to result: value, 95 % interval, n, slices a field and a cluster.
    """

    benchmark: str
    n: int
    n_failed: int
    n_unparsed: int
    n_truncated: int
    rank_by: str | None
    results: Mapping[str, MetricResult]
    _table: "pa.Table"

    def __getitem__(self, metric: str) -> MetricResult:
        """A metric's result.

        Raises:
            KeyError: If it was not scored; the message says which ones were.
        """
        return result_of(self.results, metric)

    def __iter__(self) -> Iterator[str]:
        return iter(self.results)

    def frame(self, *, slices: bool = False) -> "pd.DataFrame":
        """The results as a frame; see `peakbench.statistics.frames.results_frame`."""
        return results_frame(self.results, slices=slices)

    def scores(self) -> "pd.DataFrame":
        """A row a sample × metric × slice; see `peakbench.statistics.frames.scores_frame`."""
        return scores_frame(self._table)

    def __repr__(self) -> str:
        counts = (("failed", self.n_failed), ("unparsed", self.n_unparsed), ("truncated", self.n_truncated))
        head = f"{self.benchmark}: {plural(self.n, 'sample')}"
        head += "".join(f", {count} {what}" for what, count in counts if count)
        return "\n".join([head, *results_lines(self.results)])


def result_of(results: Mapping[str, MetricResult], metric: str) -> MetricResult:
    """A metric's result.

    Raises:
        KeyError: If it is not there; the message says which ones are.
    """
    if metric not in results:
        close = difflib.get_close_matches(metric, results, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"scored: {', '.join(results)}"
        raise KeyError(f"`{metric}` was not scored; {hint}")
    return results[metric]


def results_lines(results: Mapping[str, MetricResult]) -> list[str]:
    """Results as lines of a small table: id, value, interval."""
    width = max(map(len, results), default=0)
    lines = []
    for name, result in results.items():
        said = quantity(result.value, result.unit)
        if result.value is None:
            said = f"undefined ({'; '.join(result.undefined)})" if result.undefined else "undefined"
        interval = ""
        if result.ci is not None:
            low, high = (quantity(end, result.unit) for end in result.ci)
            interval = f"  [{low}, {high}]"
        lines.append(f"  {name:<{width}}  {said}{interval}")
    return lines


def score(
    predictions: Mapping[Any, GivenPrediction] | Iterable[GivenPrediction],
    references: Mapping[Any, Any] | Iterable[Any],
    benchmark: str | Path | BenchmarkFile | Benchmark,
    *,
    metrics: Sequence[str] | None = None,
    ids: Iterable[str | int] | None = None,
    clusters: Mapping[Any, Any] | Iterable[Any] | None = None,
    prompts: Mapping[Any, str] | Iterable[str] | None = None,
    seed: int = 0,
    registry: Registry | None = None,
) -> ScoredAnswers:
    """Score answers that are at hand against their references.

    Predictions and references are both lists of one order, or both maps by sample id.

    Args:
        predictions: One a sample: a response's raw text, JSON that is parsed already (a map or a list; NaN in it is
            null), a record of a run, or None for a request that failed, which scores each metric's declared worst
            value.
        references: One a sample, as a benchmark's data holds it: a map of fields (or its JSON) for the task
            `extraction`, a list of items for `grounding`, a text for `text`.
        benchmark: What they are compared by (fields, weights, synonyms, labels): the name of a built-in benchmark, a
            path of a benchmark file, or one that was read. Its data is not looked at.
        metrics: Ids of the metrics; those of the benchmark when not given.
        ids: Names of the samples of lists; `row-000001` and so on when not given.
        clusters: One a sample: those that are not independent of one another share a value; None for none.
        prompts: One a sample, for metrics that look at what was asked.
        seed: Of the bootstrap's resamples.
        registry: The metrics; those that come with PeakBench when not given. It remembers comparisons: pass one and
            the same when many models are scored.

    Raises:
        BadInputError: If the two do not fit together, or a reference, a prediction or a name cannot be used.

    >>> import peakbench
    >>> scored = peakbench.score(
    ...     ['{"type": "tee", "color": "red"}', "I cannot tell."],
    ...     [{"type": "t-shirt", "color": "red"}, {"type": "dress"}],
    ...     "garments-demo",
    ...     metrics=["weighted_score", "json_parse_rate_extracted"],
    ... )
    >>> round(scored["weighted_score"].value, 3)
    0.14
    >>> scored.scores().query("metric == 'weighted_score'")["value"].tolist()
    [0.28, 0.0]
    >>> scored["json_parse_rate_extracted"].counts
    {'numerator': 1.0, 'denominator': 2.0}
    """
    file = _benchmark_file(benchmark)
    registry = registry if registry is not None else Registry.load()
    if metrics is None:
        chosen = metrics_of(file, registry)
    else:
        chosen = registry.metrics(file.task, file.schema_of_fields, _listed("metrics", metrics))
    names, predicted, expected = _paired(predictions, references, ids)
    samples = _samples(file, names, expected, clusters, prompts)
    records = [[_record(file, name, given)] for name, given in zip(names, predicted, strict=True)]
    columns = ScoreColumns()
    majority = majority_answer(file, samples, registry.null_values) if file.fields else None
    asked = zip(samples, records, strict=True)
    counts = score_answers(answers_to(asked, registry, file, majority), chosen, columns)
    table = columns.table()
    return ScoredAnswers(
        benchmark=file.name,
        n=len(samples),
        n_failed=counts.failed,
        n_unparsed=counts.unparsed,
        n_truncated=counts.truncated,
        rank_by=file.ranked_by if file.ranked_by in chosen else None,
        results=summarise(groups_of_table(table), chosen, len(samples), seed=seed),
        _table=table,
    )


def _benchmark_file(benchmark: str | Path | BenchmarkFile | Benchmark) -> BenchmarkFile:
    if isinstance(benchmark, str | Path):
        benchmark = find_benchmark(str(benchmark))
    if not isinstance(benchmark, Benchmark | BenchmarkFile):
        raise BadInputError(
            f"`benchmark` is {_told(benchmark)}", mend="give the name of a benchmark, or the path of a benchmark file"
        )
    file = benchmark.file if isinstance(benchmark, Benchmark) else benchmark
    if file.task == "grounding" and any(
        side.scale.startswith("pixel") for side in (file.box_conventions.references, file.box_conventions.answers)
    ):
        raise BadInputError(
            f"{file.name} declares boxes in pixels, and there are no pictures here to know their sizes from",
            mend="declare a scale that is normalised, or ask with `peakbench run` and score the run",
        )
    return file


def _paired(
    predictions: Mapping[Any, GivenPrediction] | Iterable[GivenPrediction],
    references: Mapping[Any, Any] | Iterable[Any],
    ids: Iterable[str | int] | None,
) -> tuple[list[str], list[GivenPrediction], list[Any]]:
    """Names of the samples, their predictions and their references, in the order of the references."""
    if isinstance(predictions, Mapping) != isinstance(references, Mapping):
        raise BadInputError(
            "of predictions and references one is a map and the other is not",
            mend="give two lists of one order, or two maps by sample id",
        )
    if isinstance(references, Mapping):
        if ids is not None:
            raise BadInputError("`ids` name the samples of lists; maps have names", mend="leave `ids` out")
        names = [_name(key) for key in references]
        expected = list(references.values())
    else:
        expected = _listed("references", references)
        names = (
            [f"row-{number:06d}" for number in range(1, len(expected) + 1)]
            if ids is None
            else [_name(one) for one in _aligned("ids", ids, len(expected))]
        )
    if not names:
        raise BadInputError("there is nothing to score: no references", mend="give one reference a sample")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInputError(f"the sample id {twice!r} is there twice", mend="give every sample an id of its own")
    return names, _by_name("predictions", predictions, names), expected


def _by_name(what: str, values: Mapping[Any, Any] | Iterable[Any], names: Sequence[str]) -> list[Any]:
    """One value a sample, of a list in their order or of a map by their names."""
    if not isinstance(values, Mapping):
        return _aligned(what, values, len(names))
    named = {_name(key): value for key, value in values.items()}
    missing = [name for name in names if name not in named]
    unknown = sorted(set(named).difference(names))
    for wrong, said in ((missing, "there are none for"), (unknown, "there are no references for")):
        if wrong:
            more = f" and {len(wrong) - _SHOWN_IDS} more" if len(wrong) > _SHOWN_IDS else ""
            raise BadInputError(
                f"{what}: {said} {', '.join(map(repr, wrong[:_SHOWN_IDS]))}{more}",
                mend="name the same samples everywhere; a failed request has the prediction None",
            )
    return [named[name] for name in names]


def _aligned(what: str, values: Iterable[Any], n: int) -> list[Any]:
    listed = _listed(what, values)
    if len(listed) != n:
        raise BadInputError(
            f"{len(listed)} {what}, but {n} references",
            mend="give one for each sample, in the order of the references; a failed request has the prediction None",
        )
    return listed


def _listed(what: str, values: Iterable[Any]) -> list[Any]:
    if isinstance(values, str | bytes | Mapping | set | frozenset) or not isinstance(values, Iterable):
        raise BadInputError(f"`{what}` is {_told(values)}", mend="give a list")
    return list(values)


def _name(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise BadInputError(f"{_told(value)} is no sample id", mend="give texts or whole numbers")
    return _encodable("a sample id", str(value))


def _encodable(what: str, text: str) -> str:
    """The text, if it can be kept: half a character (a lone surrogate) cannot."""
    if without_surrogates(text) != text:
        raise BadInputError(f"{what} is no Unicode text: {text!r}", mend="give whole characters")
    return text


def _samples(
    file: BenchmarkFile,
    names: Sequence[str],
    references: Sequence[Any],
    clusters: Mapping[Any, Any] | Iterable[Any] | None,
    prompts: Mapping[Any, str] | Iterable[str] | None,
) -> list[Sample]:
    read = reference_reader(file)
    grouped = [None] * len(names) if clusters is None else _by_name("clusters", clusters, names)
    asked = None if prompts is None else _by_name("prompts", prompts, names)
    for name, prompt in zip(names, asked or [], strict=False):
        if not isinstance(prompt, str):
            raise BadInputError(f"the prompt of sample {name!r} is {_told(prompt)}", mend="give a text")
    if asked is None:  # the same for every sample, or unknown where a benchmark makes it of its rows
        asked = [file.prompt if isinstance(file.prompt, str) else ""] * len(names)
    samples, findings = [], []
    for name, given, group, prompt in zip(names, references, grouped, asked, strict=True):
        if isinstance(group, bool) or not isinstance(group, str | int | None):
            raise BadInputError(
                f"the cluster of sample {name!r} is {_told(group)}", mend="give a text, a whole number or None"
            )
        try:
            reference = read(given, None)
        except ValueError as error:
            findings.append(Finding("references", name, str(error)))
            continue
        cluster = None if group is None or group == "" else _encodable("a cluster", str(group))
        samples.append(Sample(id=name, prompt=prompt, images=(), reference=reference, cluster=cluster))
    if findings:
        raise BadInputError("\n".join(told(findings)), mend="mend these references, or leave their samples out")
    return samples


def _record(file: BenchmarkFile, name: str, given: GivenPrediction) -> Record:
    """What a run would have kept of a prediction."""
    if isinstance(given, Response | Failure):
        return given
    timing = Timing(started_at=0.0, e2el_ms=0.0)
    if given is None:
        return Failure(name, 0, FailureKind.CONNECTION, "there is no prediction", None, timing)
    if not isinstance(given, str):
        if file.task == "text" or not isinstance(given, dict | list | tuple):
            kinds = "a text" if file.task == "text" else "a text, or JSON that is parsed already (a dict or a list)"
            raise BadInputError(
                f"the prediction of sample {name!r} is {_told(given)}",
                mend=f"give {kinds}; None for a request that failed",
            )
        try:
            # An infinity stays one, for extraction to refuse as it does in a response's text.
            given = json.dumps(_nan_as_null(given), ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadInputError(
                f"the prediction of sample {name!r} is no JSON: {error}",
                mend="give JSON values, or the response's text",
            ) from error
    return Response(name, 0, given, None, None, Usage(), timing)


def _nan_as_null(value: Any) -> Any:
    """JSON that is parsed already, with None for NaN: what pandas holds where there is nothing, and null by the rule.

    Raises:
        RecursionError: If it is nested too deeply.
    """
    if isinstance(value, dict):
        return {key: _nan_as_null(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nan_as_null(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _told(value: Any) -> str:
    """A value of the wrong kind, in a few words."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:59] + '…'} ({type(value).__name__})"
