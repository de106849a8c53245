"""Golden cases in the form that fits every metric of answers: a reference, raw responses to it, and the value."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.values import complete_reference
from peakbench.metrics.answers import prepare, prepare_text
from peakbench.metrics.golden.case import DEFAULT_TOLERANCE, Finding, compare, refuse_wrong, run_value, text_of
from peakbench.metrics.golden.structured import schema_of
from peakbench.metrics.metric import RepeatMetric
from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, Usage

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry


def check_responses(stem: str, registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:
    """A run of responses to one sample, and the metric's value for it.

    `fields` (or the name of a file that holds them) says that answers are JSON; without, they are texts. A response is
    a text, an object with `text` and `finish_reason`, or null for a failed request. `value` is null where undefined.
    """
    identifier = case.get("metric", stem)
    definition = next((one for one in registry.definitions if one.id == identifier), None)
    if definition is None:
        yield Finding("not_checkable", f"no metric or component `{identifier}` in this registry")
        return
    if definition.is_timing:
        raise ValueError(f"`{identifier}` describes the timing of a run, not responses")
    schema = schema_of({"schema": case["fields"]}, folder) if "fields" in case else None
    metric = registry.metric(identifier, schema)
    if metric.lacking is not None:
        yield Finding("not_checkable", metric.lacking)
        return
    if isinstance(metric, RepeatMetric):
        raise ValueError(f"`{identifier}` compares the repeats of a sample, not responses with a reference")
    records = [_record(response) for response in case["responses"]]
    if schema is not None:
        sample = Sample("golden", "", (), complete_reference(schema, case["reference"]))
        answers = [prepare(sample, record, schema, registry) for record in records]
    else:
        sample = Sample("golden", "", (), text_of(case, "reference"))
        answers = [prepare_text(sample, record, registry) for record in records]
    got = run_value(metric, answers)
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    yield compare(identifier, got, case["value"], tolerance)
    yield from refuse_wrong(case, got, case["value"], tolerance)


def _record(response: str | Mapping[str, str] | None) -> Record:
    timing = Timing(0.0, 0.0)
    if response is None:
        return Failure("golden", 0, FailureKind.TIMEOUT, "no answer in time", None, timing)
    given = {"text": response, "finish_reason": "stop"} if isinstance(response, str) else response
    return Response("golden", 0, given["text"], None, given["finish_reason"], Usage(), timing)
