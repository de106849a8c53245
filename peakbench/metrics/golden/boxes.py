"""Golden cases of boxes: single boxes, pairs and sets of them, and whole answers of the SDG family."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.file import BoxConventions
from peakbench.benchmarks.sample import Sample
from peakbench.metrics.answers import prepare_items
from peakbench.metrics.golden.case import (
    DEFAULT_TOLERANCE,
    Finding,
    compare,
    refuse_wrong,
    response_of,
    run_value,
    split_wrong,
)
from peakbench.metrics.grounding.answer import GroundingReader, extent_of, matched_pairs, overlaps_of
from peakbench.metrics.grounding.iou import SLACK, diou_matrix, giou_matrix, iou_matrix, union_iou
from peakbench.metrics.grounding.items import BoxItem, ItemReader, normalise_box
from peakbench.metrics.grounding.matching import MATCHINGS
from peakbench.metrics.metric import Answer

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry

_CANONICAL = BoxConvention(order="xyxy", scale="norm1000")
_RATES = ("invalid_box_rate", "clipped_box_rate", "inverted_box_rate", "duplicate_box_rate", "unknown_label_rate")
_DIGITS = 9
"""To which the files round the IoU of pairs."""


def check_normalize(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """A box as it was written, and what it is in the one form."""
    raw = case["raw"] if "raw" in case else json.loads(case["raw_json"])
    convention = BoxConvention(order=case["order"], scale=case["scale"] if "scale" in case else case["space"])
    size = case.get("size")
    extent = (float(size[0]), float(size[1])) if size else extent_of(convention, (1, 1))
    box, flag = normalise_box(raw, convention.order, extent)
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    yield _compare_numbers("strict", box, case["strict"], tolerance)
    yield compare("strict_flags", [flag] if flag else [], case["strict_flags"], tolerance)
    for key, got in (("strict", None if box is None else list(box)), ("strict_flags", [flag] if flag else [])):
        yield from refuse_wrong(split_wrong(case, key)[0], got, case[key], tolerance)


def check_iou(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """A pair of boxes, their IoU with its kin, and whether it is enough for a match."""
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    pair = [np.array([case[key]], dtype=np.float64) for key in ("a_xyxy", "b_xyxy")]
    got = float(iou_matrix(*pair)[0, 0])
    yield compare("iou", got, case["iou"], tolerance)
    for key, kin in (("giou", giou_matrix), ("diou", diou_matrix)):
        if key in case:
            yield compare(key, float(kin(*pair)[0, 0]), case[key], tolerance)
    for key, threshold in (("match_at_0_1", 0.1), ("match_at_0_5", 0.5)):
        if key in case:
            yield compare(key, got >= threshold - SLACK, case[key], tolerance)
    yield from refuse_wrong(case, got, case["iou"], tolerance)


def check_union(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """Two sets of boxes, and the overlap of what they cover."""
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    sides = [np.array(case[key], dtype=np.float64).reshape(-1, 4) for key in ("gt", "pred")]
    got = union_iou(*sides)
    yield compare("union_iou", got, case["union_iou"], tolerance)
    yield from refuse_wrong(case, got, case["union_iou"], tolerance)


def check_match(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """Two sets of boxes with labels, and who matches whom at a threshold, in each of the ways."""
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    references, predictions = _items(case["gt"]), _items(case["pred"])
    overlaps = overlaps_of(references, predictions)
    ways = dict(zip(MATCHINGS, ("tp", "tp_hungarian_then_threshold", "tp_greedy_sdg_released_code"), strict=True))
    for name, expected in case["tau"].items():
        threshold = float(name)
        pairs = matched_pairs(references, predictions, overlaps, threshold, "hungarian_masked")
        got: dict[str, Any] = {
            key: len(matched_pairs(references, predictions, overlaps, threshold, way)) for way, key in ways.items()
        }
        alike = [[BoxItem(item.box, label="any") for item in items] for items in (references, predictions)]
        got["tp_label_agnostic"] = len(matched_pairs(alike[0], alike[1], overlaps, threshold, "hungarian_masked"))
        got |= _counts(len(pairs), len(references), len(predictions))
        for key, value in got.items():
            if key in expected:
                yield compare(f"{key} at {name}", value, expected[key], tolerance)
                yield from refuse_wrong(split_wrong(expected, key)[0], value, expected[key], tolerance)
        if "matches" in expected:
            found = [[*pair.positions, round(pair.iou, _DIGITS)] for pair in pairs]
            yield _compare_rows(f"matches at {name}", found, expected["matches"], 10**-_DIGITS)
        for label, wanted in expected.get("per_label", {}).items():
            sides = [sum(item.label == label for item in items) for items in (references, predictions)]
            counts = _counts(sum(pair.reference.label == label for pair in pairs), *sides)
            for key, value in wanted.items():
                if key in counts:
                    yield compare(f"{label} {key} at {name}", counts[key], value, tolerance)


def check_refcoco(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """One reference box and the first predicted one; or the mean over several such cases."""
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    cases = case["cases"] if "of" in case else [case]
    boxes = BoxConventions(references=_CANONICAL, answers=_CANONICAL)
    labels: dict[str, list[str]] = {"object": []}
    metric = registry.metric("refcoco_acc_50", None, labels=labels, boxes=boxes)
    reader = GroundingReader(labels, boxes)
    answers = []
    for one in cases:
        items = [] if one["pred"] is None else [{"box_2d": one["pred"], "label": "object"}]
        reference = ({"box_2d": one["gt"], "label": "object"},)
        answers.append(_answer(registry, reader, reference, json.dumps(items)))
    accuracy = run_value(metric, answers)
    overlaps = [answer.boxes.overlaps for answer in answers if answer.boxes is not None]
    iou = float(np.mean([overlap[0, 0] if overlap.size else 0.0 for overlap in overlaps]))
    keys = ("acc_at_0_5", "mean_iou") if "of" in case else ("correct_at_0_5", "iou")
    got = {keys[0]: accuracy if "of" in case else accuracy == 1.0, keys[1]: iou}
    for key, value in got.items():
        yield compare(key, value, case[key], tolerance)
        yield from refuse_wrong(split_wrong(case, key)[0], value, case[key], tolerance)


def check_average_precision(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """Boxes with labels of several images, predictions with a score, and COCO's AP of them."""
    images = [*case["gt"], *case["pred"]]
    labels: dict[str, list[str]] = {label: [] for label in sorted({item[0] for items in images for item in items})}
    boxes = BoxConventions(references=_CANONICAL, answers=_CANONICAL)
    metric = registry.metric("mean_ap", None, labels=labels, boxes=boxes)
    if metric.lacking:
        yield Finding("not_checkable", metric.lacking)
        return
    reader = GroundingReader(labels, boxes)
    answers = []
    for expected, predicted in zip(case["gt"], case["pred"], strict=True):
        reference = tuple({"box_2d": box, "label": label} for label, box in expected)
        items = [{"box_2d": box, "label": label, "score": score} for label, box, score in predicted]
        answers.append(_answer(registry, reader, reference, json.dumps(items)))
    got = run_value(metric, answers)
    for library in ("pycocotools", "faster_coco_eval"):
        if library in case:
            expected = case[library]["AP"]
            expected = None if expected == -1 else expected  # the libraries' word for undefined
            yield compare(f"AP of {library}", got, expected, case.get("tolerance", DEFAULT_TOLERANCE))


def check_sdg(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """Whole answers to several images, and the family's values for each label and for the run."""
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    labels = find_benchmark("sdg").file.labels
    convention = BoxConvention(order=case["order"], scale=case["scale"])
    boxes = BoxConventions(references=convention, answers=convention)
    reader = GroundingReader(labels, boxes)
    names = [image["image"] for image in case["images"]]
    answers = [_answer(registry, reader, tuple(one["gt"]), one["response"]) for one in case["images"]]

    def value(identifier: str, part: str = "") -> float | None:
        return run_value(registry.metric(identifier, None, labels=labels, boxes=boxes), answers, part)

    def total(identifier: str, statistic: str, label: str) -> float:
        metric = registry.metric(identifier, None, labels=labels, boxes=boxes)
        scores = [score for answer in answers for score in metric.score(answer) if score.slice == f"label={label}"]
        return sum(dict(zip(metric.statistics, score.stats, strict=True))[statistic] for score in scores if score.stats)

    known = {definition.id for definition in registry.definitions}
    for name, expected in case["expected"].items():
        if name in labels:
            for key, want in expected.items():
                base, _, threshold = key.partition("@")
                identifier = f"{base}_{round(float(threshold) * 100):02d}" if threshold else base
                got: Any
                if "_WRONG" in key or "_INFO" in key:
                    continue
                if base == "pairs":
                    got = list(_pairs(answers, names, name, float(threshold)))
                    yield _compare_rows(f"{name} {key}", got, want, 10**-_DIGITS)
                    continue
                if base in ("n_pred", "n_gt"):
                    got = total("box_f1_50", base, name)
                elif base == "tp":
                    got = total(f"box_f1_{identifier[-2:]}", base, name)
                elif base == "n_clean":
                    got = total("cln_acc", f"{name}.n_clean", name)
                elif identifier in known:
                    got = value(identifier, f"label={name}")
                else:
                    yield Finding("not_checkable", f"no metric `{identifier}` in this registry")
                    continue
                yield compare(f"{name} {key}", got, want, tolerance)
                yield from refuse_wrong(split_wrong(expected, key)[0], got, want, tolerance)
        elif name == "parse_failure_rate":
            parsed = value("json_parse_rate_extracted")
            yield compare(name, None if parsed is None else 1 - parsed, expected, tolerance)
        elif name in known:
            yield compare(name, value(name), expected, tolerance)
        elif "_WRONG" not in name and "_INFO" not in name:
            yield Finding("not_checkable", f"no metric `{name}` in this registry")


def _answer(
    registry: "Registry", reader: GroundingReader, reference: tuple[Mapping[str, Any], ...], response: str
) -> Answer:
    sample = Sample(id="golden", prompt="", images=(), reference=reference)
    return prepare_items(sample, response_of(response), reader, registry)


def _pairs(answers: Sequence[Answer], names: Sequence[str], label: str, threshold: float) -> Iterator[list[Any]]:
    """Image, positions within the label, and IoU of each matched pair of a label."""
    for name, answer in zip(names, answers, strict=True):
        if answer.boxes is None:
            continue
        sides = (answer.boxes.references, answer.boxes.predictions)
        own = [[place for place, item in enumerate(items) if item.label == label] for items in sides]
        for pair in answer.boxes.pairs(threshold, "hungarian_masked"):
            if pair.reference.label == label:
                places = [places.index(place) for places, place in zip(own, pair.positions, strict=True)]
                yield [name, *places, round(pair.iou, _DIGITS)]


def _items(items: Sequence[Mapping[str, Any]]) -> tuple[BoxItem, ...]:
    """Items whose labels name themselves; a malformed box stays an item."""
    labels: dict[str, list[str]] = {item["label"]: [] for item in items}
    return ItemReader(labels, ["box"], "xyxy").read(items, extent_of(_CANONICAL, (1, 1)))


def _counts(tp: int, n_references: int, n_predictions: int) -> dict[str, Any]:
    n = n_references + n_predictions
    return {"tp": tp, "fp": n_predictions - tp, "fn": n_references - tp, "f1": 2 * tp / n if n else None}


def _compare_numbers(what: str, got: Sequence[float] | None, expected: Any, tolerance: float) -> Finding:
    """A list of numbers, each within the tolerance, or none on both sides."""
    found = None if got is None else list(got)
    if found is None or expected is None or len(found) != len(expected):
        return compare(what, found, expected, tolerance)
    close = all(abs(one - other) <= tolerance for one, other in zip(found, expected, strict=True))
    return Finding("pass") if close else Finding("fail", f"{what}: {found!r}, expected {expected!r}")


def _compare_rows(what: str, got: Sequence[Sequence[Any]], expected: Any, tolerance: float) -> Finding:
    """Rows that end with a number and are equal before it."""
    same = len(got) == len(expected) and all(
        list(one[:-1]) == list(other[:-1]) and abs(one[-1] - other[-1]) <= tolerance
        for one, other in zip(got, expected, strict=True)
    )
    return Finding("pass") if same else Finding("fail", f"{what}: {got!r}, expected {expected!r}")
