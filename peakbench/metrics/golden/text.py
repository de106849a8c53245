"""Golden cases of the similarities of texts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.metrics.golden.case import (
    DEFAULT_TOLERANCE,
    Finding,
    compare,
    refuse_wrong,
    response_of,
    run_value,
    sample_of,
)
from peakbench.metrics.metric import Answer
from peakbench.metrics.ngrams import CorpusMetric
from peakbench.metrics.text import TextSimilarity
from peakbench.runs.records import ParseLevel, Prediction

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry


def check_similarity(stem: str, registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """A pair of texts and their similarity, or the texts of a run; a prediction of null is an answer not parsed."""
    identifier = str(case.get("metric", stem))
    corpus = case.get("level") == "corpus"
    if corpus and not identifier.endswith("_corpus"):
        identifier += "_corpus"
    if identifier not in {definition.id for definition in registry.definitions}:
        yield Finding("not_checkable", f"no metric or component `{identifier}` in this registry")
        return
    metric = registry.metric(identifier, None)
    if not isinstance(metric, CorpusMetric if corpus else TextSimilarity):
        what = "is no metric of all texts of a run" if corpus else "compares no two texts"
        raise ValueError(f"`{identifier}` {what}; its cases stand in a file of another name")
    if metric.lacking is not None:
        yield Finding("not_checkable", metric.lacking)
        return
    percent = 100 if case.get("scale") == "0-100" else 1
    if corpus:
        pairs = zip(case["predictions"], case["references"], strict=True)
        got = run_value(metric, [_answer(prediction, reference) for prediction, reference in pairs])
        want = case["peakbench_value"] if "peakbench_value" in case else case["library_value"] / percent
    else:
        got = metric.score(_answer(case["prediction"], case["reference"]))[0].value
        want = case["expected"] if "expected" in case and "peakbench_value" not in case else case["peakbench_value"]
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    yield compare(identifier, got, want, tolerance)
    mistakes = {key: value / percent if _is_number(value) else value for key, value in case.items() if "_WRONG" in key}
    yield from refuse_wrong(mistakes, got, want, tolerance)


def _answer(prediction: Any, reference: Any) -> Answer:
    """An answer that says a text, or was not parsed."""
    for name, value in (("prediction", prediction), ("reference", reference)):
        if not isinstance(value, str) and not (name == "prediction" and value is None):
            raise TypeError(f"`{name}` holds {value!r} where a text is needed")
    level: ParseLevel = "none" if prediction is None else "strict"
    found = Prediction(answer=prediction, reasoning=None, level=level, value={})
    return Answer(sample_of({}), response_of(prediction or ""), found, {}, prediction, reference)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
