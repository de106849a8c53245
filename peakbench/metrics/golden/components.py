"""Golden cases of the components: comparators of values, and extraction of answers from responses."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from peakbench.benchmarks.schema import Comparator, FieldSchema, FieldSpec
from peakbench.metrics.extraction import Root, extract
from peakbench.metrics.golden.case import (
    DEFAULT_TOLERANCE,
    Finding,
    compare,
    refuse_wrong,
    response_of,
    sample_of,
    split_wrong,
    text_of,
)
from peakbench.metrics.metric import Answer

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry


def check_comparator(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """A pair of values and the verdict on them."""
    unknown = [kind for kind in _types_in(case["field"]) if kind not in get_args(Comparator)]
    if unknown:
        yield Finding("not_checkable", f"no comparator `{unknown[0]}` in this registry")
        return
    schema = FieldSchema(fields={"value": FieldSpec.model_validate(case["field"])})
    value = {"value": case["pred"]} if "pred" in case else {}
    verdict = registry.comparer(schema).compare({"value": case["gt"]}, value)["value"]
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    yield compare("score", verdict.score, case["score"], tolerance)
    yield compare("outcome", verdict.outcome, case["outcome"], tolerance)
    outcomes, scores = split_wrong(case, "outcome")
    yield from refuse_wrong(outcomes, verdict.outcome, case["outcome"], tolerance)
    yield from refuse_wrong(scores, verdict.score, case["score"], tolerance)


def _types_in(field: Mapping[str, Any]) -> Iterator[str]:
    """The types of a field and of what is in it."""
    yield field["type"]
    for part in [field["items"]] if "items" in field else field.get("fields", {}).values():
        yield from _types_in(part)


def check_extraction(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """A response, and the value and flags that are taken from it."""
    if case["root"] not in get_args(Root):
        raise ValueError(f"the root is `{case['root']}`; it is one of {', '.join(get_args(Root))}")
    found = extract(
        text_of(case, "text"),
        case.get("reasoning"),
        case["root"],
        case["expected_keys"],
        case.get("aliases", {}),
        registry.limits,
    )
    answer = Answer(sample_of({}), response_of(case["text"]), found, {}, None, "")
    came_out: dict[str, Any] = {
        f"{level}_valid": registry.metric(f"json_parse_rate_{level}", None).score(answer)[0].value == 1.0
        for level in ("strict", "extracted", "repaired")
    }
    came_out |= {"value": found.value, "repaired_value": found.repaired_value, "flags": sorted(found.flags)}
    for key, got in came_out.items():
        want = sorted(case[key]) if key == "flags" else case[key]
        yield compare(key, got, want, 0)
        yield from refuse_wrong(split_wrong(case, key)[0], got, want, 0)
