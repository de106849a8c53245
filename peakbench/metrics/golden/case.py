"""What the checks of golden cases share: findings, comparison with what is expected, and answers of given values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema
from peakbench.benchmarks.values import resolve_keys, schema_key_index
from peakbench.canonical import canonical_json
from peakbench.metrics.answers import answer_of
from peakbench.metrics.metric import Answer, Metric, PooledMetric
from peakbench.runs.records import Prediction, Response, Timing, Usage

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry

Status = Literal["pass", "fail", "not_checkable"]
DEFAULT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one expectation of a case: nothing (it holds), a difference, or a reason to skip it."""

    status: Status
    detail: str = ""


def compare(what: str, got: Any, expected: Any, tolerance: float) -> Finding:
    """Whether what came out is what is expected."""
    return (
        Finding("pass")
        if same(got, expected, tolerance)
        else Finding("fail", f"{what}: {got!r}, expected {expected!r}")
    )


def same(one: Any, other: Any, tolerance: float) -> bool:
    """Numbers within the tolerance of each other, or equal JSON."""
    if all(isinstance(side, float | int) and not isinstance(side, bool) for side in (one, other)):
        try:
            return bool(abs(one - other) <= tolerance)
        except OverflowError:
            return False
    return canonical_json(one) == canonical_json(other)


def split_wrong(case: Mapping[str, Any], key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of mistakes whose names begin with a key, and all others."""
    wrong = {name: value for name, value in case.items() if "_WRONG" in name}
    mine = {name: value for name, value in wrong.items() if name.startswith(f"{key}_")}
    return mine, {name: value for name, value in wrong.items() if name not in mine}


def refuse_wrong(case: Mapping[str, Any], got: Any, expected: Any, tolerance: float) -> Iterator[Finding]:
    """What a plausible mistake gives must not come out, wherever it differs from what is right."""
    for key, wrong in case.items():
        if "_WRONG" in key and not same(wrong, expected, tolerance) and same(got, wrong, tolerance):
            yield Finding("fail", f"{got!r} is the value of a mistake: {key}")


def text_of(case: Mapping[str, Any], key: str) -> str:
    """A key that has to hold a text."""
    value = case[key]
    if not isinstance(value, str):
        raise TypeError(f"`{key}` holds {value!r} where a text is needed")
    return value


def sample_of(reference: Mapping[str, Any]) -> Sample:
    """A sample with nothing but a reference."""
    return Sample(id="golden", prompt="", images=(), reference=reference)


def response_of(text: str) -> Response:
    """A response that says a text."""
    return Response("golden", 0, text, None, "stop", Usage(), Timing(0.0, 0.0))


def answer_with(
    registry: "Registry",
    schema: FieldSchema,
    reference: Mapping[str, Any],
    value: Mapping[str, Any] | None,
    majority: Mapping[str, Any] | None = None,
) -> Answer:
    """An answer whose value is given as it stands, None for not parsed, and a reference made whole as in a run."""
    found, _ = resolve_keys(reference, schema.fields, schema_key_index(schema))
    reference = {name: found.get(name) for name in schema.fields}
    prediction = Prediction(answer="", reasoning=None, level="none" if value is None else "extracted", value=value)
    return answer_of(sample_of(reference), response_of(""), prediction, schema, registry, majority)


def run_value(metric: Metric, answers: list[Answer], part: str = "") -> float | None:
    """A metric's value for a run, or for a slice of it: of the sums of its statistics, or of all rows."""
    import numpy as np

    scores = [score for answer in answers for score in metric.score(answer) if score.slice == part]
    stats = [np.array(score.stats) for score in scores if score.stats]
    if isinstance(metric, PooledMetric):
        value = metric.from_rows([rows.reshape(-1, len(metric.statistics)) for rows in stats])
    else:
        value = float(metric.from_totals(np.sum([np.zeros(len(metric.statistics)), *stats], axis=0)))
    return None if np.isnan(value) else value
