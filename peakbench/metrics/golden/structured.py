"""Golden cases of the structured metrics: single answers, and floors on a whole data set."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.schema import FieldSchema
from peakbench.benchmarks.values import is_null
from peakbench.errors import BadInputError
from peakbench.metrics.golden.case import (
    DEFAULT_TOLERANCE,
    Finding,
    answer_with,
    compare,
    refuse_wrong,
    run_value,
    split_wrong,
)
from peakbench.metrics.metric import Answer
from peakbench.metrics.structured import OUTCOMES

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry

FLOORS_TOLERANCE = 1e-6


def check_structured(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:
    """An answer and its reference: a run of one sample."""
    schema = schema_of(case, folder)
    expected: Mapping[str, Any] = case["expected"]
    value = case["pred"] if case["parsed"] else None
    answer = answer_with(registry, schema, case["gt"], value)
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    ids = {
        "json_ok": "json_parse_rate_extracted",
        "field_match_rate": "field_match_rate",
        "value_accuracy": "value_accuracy_all",
        "structured_match": "structured_match",
        "weighted_score": "weighted_score",
        "field_f1": "field_f1",
    }
    values: dict[str, Any] = {key: run_value(registry.metric(name, schema), [answer]) for key, name in ids.items()}
    f1 = registry.metric("field_f1", schema)
    counts = dict(zip(f1.statistics, f1.score(answer)[0].stats or (0.0, 0.0, 0.0), strict=True))
    values["json_ok"] = values["json_ok"] == 1.0
    values |= {"tp": counts["soft_tp"], "n_pred": counts["n_pred"], "n_gt": counts["n_gt"]}
    values["extra_keys"] = len(registry.comparer(schema).extra_keys(value)) if value is not None else 0
    for key, want in expected.items():
        if key == "fields":
            yield from _check_fields(registry, schema, answer, want, tolerance)
        elif key in values:
            yield compare(key, values[key], want, tolerance)
        elif "_WRONG" not in key and "_INFO" not in key:
            yield Finding("not_checkable", f"no metric `{key}` in this registry")
    for key, got in values.items():
        for part in (expected, case):
            yield from refuse_wrong(split_wrong(part, key)[0], got, expected.get(key), tolerance)


def _check_fields(
    registry: "Registry", schema: FieldSchema, answer: Answer, expected: Mapping[str, Any], tolerance: float
) -> Iterator[Finding]:
    """The slices of structured_match and of field_outcomes."""
    scores = {score.slice: score.value for score in registry.metric("structured_match", schema).score(answer)}
    counts = {score.slice: score.stats for score in registry.metric("field_outcomes", schema).score(answer)}
    for name, want in expected.items():
        yield compare(f"{name} score", scores[f"field={name}"], want["score"], tolerance)
        happened = counts[f"field={name}"]
        outcome = OUTCOMES[happened.index(1.0)] if happened else None
        yield compare(f"{name} outcome", outcome, want["outcome"], tolerance)
        for key, got in (("score", scores[f"field={name}"]), ("outcome", outcome)):
            yield from refuse_wrong(split_wrong(want, key)[0], got, want[key], tolerance)


def check_floors(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:
    """Trivial systems on a whole data set."""
    schema = schema_of(case, folder)
    rows: list[Mapping[str, Any]] = case["gt"]
    tolerance = case.get("tolerance", FLOORS_TOLERANCE)
    majority = case.get("majority") or {name: _most_frequent(row.get(name) for row in rows) for name in schema.fields}
    nulls = registry.comparer(schema).nulls
    some = {
        name: _most_frequent(row[name] for row in rows if not is_null(row.get(name), nulls[name]))
        for name in schema.fields
    }
    answers_of: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any] | None]] = {
        "never_json": lambda _: None,
        "empty_object": lambda _: {},
        "empty_dict": lambda _: {},
        "always_null": lambda _: dict.fromkeys(schema.fields),
        "majority_value": lambda _: majority,
        "majority_non_null": lambda _: some,
        "oracle": lambda row: row,
    }
    known = {definition.id for definition in registry.definitions}
    for floor, expected in case["floors"].items():
        if floor not in answers_of:
            yield Finding("not_checkable", f"no floor `{floor}`")
            continue
        answers = [answer_with(registry, schema, row, answers_of[floor](row), majority) for row in rows]
        for identifier, want in expected.items():
            if "_WRONG" in identifier or "_INFO" in identifier:
                continue
            if identifier not in known:
                yield Finding("not_checkable", f"no metric `{identifier}` in this registry")
                continue
            got = run_value(registry.metric(identifier, schema), answers)
            yield compare(f"{floor} {identifier}", got, want, tolerance)
            yield from refuse_wrong(split_wrong(expected, identifier)[0], got, want, tolerance)


def _most_frequent(values: Iterable[Any]) -> Any:
    """The most frequent value, among equals the first; null of nothing."""
    counts = Counter(json.dumps(value, sort_keys=True) for value in values)
    return json.loads(counts.most_common(1)[0][0]) if counts else None


def schema_of(case: Mapping[str, Any], folder: Path) -> FieldSchema:
    """A case's schema: its fields, or the name of a file beside the golden file that holds them."""
    fields = case["schema"]
    if isinstance(fields, str):
        path = folder / Path(fields).name
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInputError(f"{path} cannot be read: {error}", mend="put it beside the golden file") from error
    return FieldSchema(fields=fields)
