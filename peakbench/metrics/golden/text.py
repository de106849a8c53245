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
    sample_of,
    text_of,
)
from peakbench.metrics.metric import Answer
from peakbench.metrics.text import TextSimilarity
from peakbench.runs.records import Prediction

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry


def check_similarity(stem: str, registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """A pair of texts and their similarity; a prediction of null is an answer that was not parsed."""
    identifier = case.get("metric", stem)
    if identifier not in {definition.id for definition in registry.definitions}:
        yield Finding("not_checkable", f"no metric or component `{identifier}` in this registry")
        return
    metric = registry.metric(identifier, None)
    if not isinstance(metric, TextSimilarity):
        raise ValueError(f"`{identifier}` compares no two texts; its cases stand in a file of another name")
    if metric.lacking is not None:
        yield Finding("not_checkable", metric.lacking)
        return
    given = None if case["prediction"] is None else text_of(case, "prediction")
    prediction = Prediction(answer=given, reasoning=None, level="none" if given is None else "strict", value={})
    answer = Answer(sample_of({}), response_of(given or ""), prediction, {}, given, text_of(case, "reference"))
    got = metric.score(answer)[0].value
    want = case["expected"] if "expected" in case and "peakbench_value" not in case else case["peakbench_value"]
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    yield compare(identifier, got, want, tolerance)
    yield from refuse_wrong(case, got, want, tolerance)
