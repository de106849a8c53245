"""Golden values: whether this installation computes what the metrics are defined to give.

A golden file is JSON Lines; its name says what the cases are about, and each case holds what is given and what must
come out. Every case goes through the metrics of a registry, as an answer of a model does. A key that holds `_WRONG`
is the value of a plausible mistake, which must not come out; a key that holds `_INFO` is for reading.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import Comparator, FieldSchema, FieldSpec
from peakbench.benchmarks.values import is_null, resolve_keys, schema_key_index
from peakbench.canonical import canonical_json
from peakbench.errors import BadInputError, OutOfRangeError
from peakbench.metrics.answers import answer_of
from peakbench.metrics.extraction import Root, extract
from peakbench.metrics.metric import Answer, Metric
from peakbench.metrics.structured import OUTCOMES
from peakbench.metrics.text import TextSimilarity
from peakbench.runs.records import Prediction, Response, Timing, Usage

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry

Status = Literal["pass", "fail", "not_checkable"]
DEFAULT_TOLERANCE = 1e-9
FLOORS_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class GoldenOutcome:
    """What became of one case.

    Attributes:
        file: Name of the golden file.
        case: The case's id.
        status: `not_checkable` when the registry has no such metric or comparator.
        detail: What came out and what was expected, or why it cannot be checked; empty for a plain pass.
    """

    file: str
    case: str
    status: Status
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What was found about one expectation of a case: nothing (it holds), a difference, or a reason to skip it."""

    status: Status
    detail: str = ""


def verify(registry: "Registry", golden: Path | None = None) -> list[GoldenOutcome]:
    """Run golden cases through the metrics of a registry.

    Args:
        registry: The metrics.
        golden: A golden file, or a folder of them (`*.jsonl`); by default every file that the registry names.

    Returns:
        One outcome a case, in the order of files and lines.

    Raises:
        BadInputError: If a file cannot be read, or a case has not the form of its file.
    """
    if golden is None:
        files = registry.golden_files()
    elif golden.is_dir():
        files = sorted(golden.glob("*.jsonl"))
        if not files:
            raise BadInputError(f"{golden} holds no golden files", mend="give a folder with *.jsonl files")
    else:
        files = [golden]
    return [outcome for file in files for outcome in _verify_file(registry, file)]


def _verify_file(registry: "Registry", file: Path) -> Iterator[GoldenOutcome]:
    checks: dict[str, Callable[[Mapping[str, Any]], Iterable[_Finding]]] = {
        "structured_match": partial(_check_structured, registry, file.parent),
        "structured_floors": partial(_check_floors, registry, file.parent),
        "comparators": partial(_check_comparator, registry),
        "json_extraction": partial(_check_extraction, registry),
    }
    check = checks.get(file.stem, partial(_check_similarity, registry, file.stem))
    for line, case in _read_cases(file):
        identifier = str(case.get("id", f"line {line}"))
        try:
            findings = list(check(case))
        except OutOfRangeError as error:
            findings = [_Finding("fail", error.message)]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"it lacks `{error.args[0]}`" if isinstance(error, KeyError) else str(error)
            raise BadInputError(
                f"{file}:{line}: case `{identifier}` has not the form of this file: {what}", mend="mend the case"
            ) from error
        yield GoldenOutcome(file.name, identifier, *_summary(findings))


def _summary(findings: list[_Finding]) -> tuple[Status, str]:
    """A case fails with its first differences; it passes if anything in it could be checked."""
    failed = [finding.detail for finding in findings if finding.status == "fail"]
    if failed:
        return "fail", "; ".join(failed[:5])
    skipped = "; ".join(dict.fromkeys(finding.detail for finding in findings if finding.status == "not_checkable"))
    return ("pass" if any(finding.status == "pass" for finding in findings) else "not_checkable"), skipped


def _read_cases(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file} cannot be read: {error}", mend="check the path") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInputError(f"{file}:{number} is no JSON: {error}", mend="mend the line") from error
        if not isinstance(case, dict):
            raise BadInputError(f"{file}:{number} is no JSON object", mend="mend the line")
        yield number, case


def _check_similarity(registry: "Registry", stem: str, case: Mapping[str, Any]) -> Iterator[_Finding]:
    """A pair of texts and their similarity; a prediction of null is an answer that was not parsed."""
    identifier = case.get("metric", stem)
    if identifier not in {definition.id for definition in registry.definitions}:
        yield _Finding("not_checkable", f"no metric or component `{identifier}` in this registry")
        return
    metric = registry.metric(identifier, None)
    if not isinstance(metric, TextSimilarity):
        raise ValueError(f"`{identifier}` compares no two texts; its cases stand in a file of another name")
    given = None if case["prediction"] is None else _text(case, "prediction")
    prediction = Prediction(answer=given, reasoning=None, level="none" if given is None else "strict", value={})
    answer = Answer(_sample({}), _response(given or ""), prediction, {}, given, _text(case, "reference"))
    got = metric.score(answer)[0].value
    want = case["expected"] if "expected" in case and "peakbench_value" not in case else case["peakbench_value"]
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    yield _compare(identifier, got, want, tolerance)
    yield from _refuse_wrong(case, got, want, tolerance)


def _check_comparator(registry: "Registry", case: Mapping[str, Any]) -> Iterator[_Finding]:
    """A pair of values and the verdict on them."""
    kind = case["field"]["type"]
    if kind not in get_args(Comparator):
        yield _Finding("not_checkable", f"no comparator `{kind}` in this registry")
        return
    schema = FieldSchema(fields={"value": FieldSpec.model_validate(case["field"])})
    value = {"value": case["pred"]} if "pred" in case else {}
    verdict = registry.comparer(schema).compare({"value": case["gt"]}, value)["value"]
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    yield _compare("score", verdict.score, case["score"], tolerance)
    yield _compare("outcome", verdict.outcome, case["outcome"], tolerance)
    outcomes, scores = _split_wrong(case, "outcome")
    yield from _refuse_wrong(outcomes, verdict.outcome, case["outcome"], tolerance)
    yield from _refuse_wrong(scores, verdict.score, case["score"], tolerance)


def _check_extraction(registry: "Registry", case: Mapping[str, Any]) -> Iterator[_Finding]:
    """A response, and the value and flags that are taken from it."""
    if case["root"] not in get_args(Root):
        raise ValueError(f"the root is `{case['root']}`; it is one of {', '.join(get_args(Root))}")
    found = extract(
        _text(case, "text"),
        case.get("reasoning"),
        case["root"],
        case["expected_keys"],
        case.get("aliases", {}),
        registry.limits,
    )
    answer = Answer(_sample({}), _response(case["text"]), found, {}, None, "")
    came_out: dict[str, Any] = {
        f"{level}_valid": registry.metric(f"json_parse_rate_{level}", None).score(answer)[0].value == 1.0
        for level in ("strict", "extracted", "repaired")
    }
    came_out |= {"value": found.value, "repaired_value": found.repaired_value, "flags": sorted(found.flags)}
    for key, got in came_out.items():
        want = sorted(case[key]) if key == "flags" else case[key]
        yield _compare(key, got, want, 0)
        yield from _refuse_wrong(_split_wrong(case, key)[0], got, want, 0)


def _check_structured(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[_Finding]:
    """An answer and its reference: a run of one sample."""
    schema = _schema_of(case, folder)
    expected: Mapping[str, Any] = case["expected"]
    value = case["pred"] if case["parsed"] else None
    answer = _answer(registry, schema, case["gt"], value)
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    ids = {
        "json_ok": "json_parse_rate_extracted",
        "field_match_rate": "field_match_rate",
        "value_accuracy": "value_accuracy_all",
        "structured_match": "structured_match",
        "weighted_score": "weighted_score",
        "field_f1": "field_f1",
    }
    values: dict[str, Any] = {key: _run_value(registry.metric(name, schema), [answer]) for key, name in ids.items()}
    f1 = registry.metric("field_f1", schema)
    counts = dict(zip(f1.definition.statistics, f1.score(answer)[0].stats or (0.0, 0.0, 0.0), strict=True))
    values["json_ok"] = values["json_ok"] == 1.0
    values |= {"tp": counts["soft_tp"], "n_pred": counts["n_pred"], "n_gt": counts["n_gt"]}
    values["extra_keys"] = len(registry.comparer(schema).extra_keys(value)) if value is not None else 0
    for key, want in expected.items():
        if key == "fields":
            yield from _check_fields(registry, schema, answer, want, tolerance)
        elif key in values:
            yield _compare(key, values[key], want, tolerance)
        elif "_WRONG" not in key and "_INFO" not in key:
            yield _Finding("not_checkable", f"no metric `{key}` in this registry")
    for key, got in values.items():
        for part in (expected, case):
            yield from _refuse_wrong(_split_wrong(part, key)[0], got, expected.get(key), tolerance)


def _check_fields(
    registry: "Registry", schema: FieldSchema, answer: Answer, expected: Mapping[str, Any], tolerance: float
) -> Iterator[_Finding]:
    """The slices of structured_match and of field_outcomes."""
    scores = {score.slice: score.value for score in registry.metric("structured_match", schema).score(answer)}
    counts = {score.slice: score.stats for score in registry.metric("field_outcomes", schema).score(answer)}
    for name, want in expected.items():
        yield _compare(f"{name} score", scores[f"field={name}"], want["score"], tolerance)
        happened = counts[f"field={name}"]
        outcome = OUTCOMES[happened.index(1.0)] if happened else None
        yield _compare(f"{name} outcome", outcome, want["outcome"], tolerance)
        for key, got in (("score", scores[f"field={name}"]), ("outcome", outcome)):
            yield from _refuse_wrong(_split_wrong(want, key)[0], got, want[key], tolerance)


def _check_floors(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[_Finding]:
    """Trivial systems on a whole data set."""
    schema = _schema_of(case, folder)
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
            yield _Finding("not_checkable", f"no floor `{floor}`")
            continue
        answers = [_answer(registry, schema, row, answers_of[floor](row)) for row in rows]
        for identifier, want in expected.items():
            if "_WRONG" in identifier or "_INFO" in identifier:
                continue
            if identifier not in known:
                yield _Finding("not_checkable", f"no metric `{identifier}` in this registry")
                continue
            got = _run_value(registry.metric(identifier, schema), answers)
            yield _compare(f"{floor} {identifier}", got, want, tolerance)
            yield from _refuse_wrong(_split_wrong(expected, identifier)[0], got, want, tolerance)


def _most_frequent(values: Iterable[Any]) -> Any:
    """The most frequent value, among equals the first; null of nothing."""
    counts = Counter(json.dumps(value, sort_keys=True) for value in values)
    return json.loads(counts.most_common(1)[0][0]) if counts else None


def _run_value(metric: Metric, answers: list[Answer]) -> float | None:
    """A metric's value for a run: of the sums of its statistics."""
    import numpy as np

    stats = [score.stats for answer in answers for score in metric.score(answer) if not score.slice]
    totals = np.sum([np.zeros(len(metric.definition.statistics)), *(np.array(s) for s in stats if s)], axis=0)
    value = float(metric.from_totals(totals))
    return None if np.isnan(value) else value


def _schema_of(case: Mapping[str, Any], folder: Path) -> FieldSchema:
    """A case's schema: its fields, or the name of a file beside the golden file that holds them."""
    fields = case["schema"]
    if isinstance(fields, str):
        path = folder / Path(fields).name
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInputError(f"{path} cannot be read: {error}", mend="put it beside the golden file") from error
    return FieldSchema(fields=fields)


def _answer(
    registry: "Registry", schema: FieldSchema, reference: Mapping[str, Any], value: Mapping[str, Any] | None
) -> Answer:
    """An answer whose value is given as it stands, None for not parsed, and a reference made whole as in a run."""
    found, _ = resolve_keys(reference, schema.fields, schema_key_index(schema))
    reference = {name: found.get(name) for name in schema.fields}
    prediction = Prediction(answer="", reasoning=None, level="none" if value is None else "extracted", value=value)
    return answer_of(_sample(reference), _response(""), prediction, schema, registry)


def _text(case: Mapping[str, Any], key: str) -> str:
    """A key that has to hold a text."""
    value = case[key]
    if not isinstance(value, str):
        raise TypeError(f"`{key}` holds {value!r} where a text is needed")
    return value


def _sample(reference: Mapping[str, Any]) -> Sample:
    return Sample(id="golden", prompt="", images=(), reference=reference)


def _response(text: str) -> Response:
    return Response("golden", 0, text, None, "stop", Usage(), Timing(0.0, 0.0))


def _compare(what: str, got: Any, expected: Any, tolerance: float) -> _Finding:
    return (
        _Finding("pass")
        if _same(got, expected, tolerance)
        else _Finding("fail", f"{what}: {got!r}, expected {expected!r}")
    )


def _same(one: Any, other: Any, tolerance: float) -> bool:
    """Numbers within the tolerance of each other, or equal JSON."""
    if all(isinstance(side, float | int) and not isinstance(side, bool) for side in (one, other)):
        try:
            return bool(abs(one - other) <= tolerance)
        except OverflowError:
            return False
    return canonical_json(one) == canonical_json(other)


def _split_wrong(case: Mapping[str, Any], key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of mistakes whose names begin with a key, and all others."""
    wrong = {name: value for name, value in case.items() if "_WRONG" in name}
    mine = {name: value for name, value in wrong.items() if name.startswith(f"{key}_")}
    return mine, {name: value for name, value in wrong.items() if name not in mine}


def _refuse_wrong(case: Mapping[str, Any], got: Any, expected: Any, tolerance: float) -> Iterator[_Finding]:
    """What a plausible mistake gives must not come out, wherever it differs from what is right."""
    for key, wrong in case.items():
        if "_WRONG" in key and not _same(wrong, expected, tolerance) and _same(got, wrong, tolerance):
            yield _Finding("fail", f"{got!r} is the value of a mistake: {key}")
