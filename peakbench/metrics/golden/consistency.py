"""Golden cases of agreement between the repeats of a sample."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.metrics.golden.case import (
    DEFAULT_TOLERANCE,
    Finding,
    answer_with,
    compare,
    refuse_wrong,
    response_of,
    sample_of,
    split_wrong,
)
from peakbench.metrics.golden.structured import schema_of
from peakbench.metrics.metric import Answer, RepeatMetric
from peakbench.runs.records import Prediction

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry

_COLUMNS: Mapping[str, str] = {"consistency_exact": "consistency_exact", "peakbench_value": "consistency_semantic"}
"""Column of a case to the metric whose value it holds."""


def check_consistency(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:
    """The repeats of one sample: texts, or objects under the case's `schema`; null is an answer that was not parsed."""
    schema = schema_of(case, folder) if "schema" in case else None
    answers = [
        _text_answer(run) if schema is None else answer_with(registry, schema, {}, run) for run in list(case["runs"])
    ]
    known = {definition.id for definition in registry.definitions}
    for column, identifier in _COLUMNS.items():
        if column not in case:
            continue
        if identifier not in known:
            yield Finding("not_checkable", f"no metric `{identifier}` in this registry")
            continue
        metric = registry.metric(identifier, schema)
        if not isinstance(metric, RepeatMetric):
            raise ValueError(f"`{identifier}` compares no repeats; its cases stand in a file of another name")
        if metric.lacking is not None:
            yield Finding("not_checkable", metric.lacking)
            continue
        got = metric.score_repeats(answers)[0].value
        tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
        yield compare(identifier, got, case[column], tolerance)
        yield from refuse_wrong(split_wrong(case, column)[0], got, case[column], tolerance)


def _text_answer(text: str | None) -> Answer:
    if text is not None and not isinstance(text, str):
        raise TypeError(f"`runs` holds {text!r}, where a text is needed without a `schema`")
    prediction = Prediction(answer=text, reasoning=None, level="none" if text is None else "strict", value=text)
    return Answer(sample_of({}), response_of(text or ""), prediction, {}, text, "")
