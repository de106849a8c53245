"""Reads golden files and runs every case through the check that its file's name calls for."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.errors import BadInputError, MetricError, OutOfRangeError
from peakbench.metrics.golden.boxes import (
    check_average_precision,
    check_iou,
    check_match,
    check_normalize,
    check_refcoco,
    check_sdg,
    check_union,
)
from peakbench.metrics.golden.case import Finding, Status
from peakbench.metrics.golden.components import check_comparator, check_extraction
from peakbench.metrics.golden.consistency import check_consistency
from peakbench.metrics.golden.quality import check_penalty, check_quality
from peakbench.metrics.golden.responses import check_responses
from peakbench.metrics.golden.structured import check_floors, check_structured
from peakbench.metrics.golden.text import check_similarity
from peakbench.metrics.golden.verbalisation import check_verbalisation
from peakbench.metrics.semantic.models import SemanticModels

if TYPE_CHECKING:
    from peakbench.metrics.registry import Registry

Check = Callable[["Registry", Path, Mapping[str, Any]], Iterable[Finding]]
"""Looks at one case, given the registry and the folder of the golden file."""
_CHECKS: Mapping[str, Check] = {
    "structured_match": check_structured,
    "structured_floors": check_floors,
    "comparators": check_comparator,
    "json_extraction": check_extraction,
    "consistency_exact": check_consistency,
    "consistency_semantic": check_consistency,
    "nli_penalty": check_penalty,
    "nli_verbalisation": check_verbalisation,
    "quality_score": check_quality,
    "box_normalize": check_normalize,
    "box_iou": check_iou,
    "box_match": check_match,
    "box_union_iou": check_union,
    "refcoco_acc": check_refcoco,
    "coco_ap": check_average_precision,
    "sdg_eval": check_sdg,
}
"""Name of a golden file to its check; any other file holds pairs of texts for the metric of its name. Responses to a
sample may stand in any file."""


@dataclass(frozen=True, slots=True)
class GoldenOutcome:
    """What became of one case.

    Attributes:
        file: Name of the golden file.
        case: The case's id.
        status: `not_checkable` when the registry has no such metric or comparator.
        detail: What came out and what was expected, why the case cannot be checked, or what is wrong with its form;
            empty for a plain pass.
    """

    file: str
    case: str
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
        BadInputError: If a file cannot be read, or a line is no JSON object.
    """
    if golden is None:
        files = registry.golden_files()
    elif golden.is_dir():
        files = sorted(golden.glob("*.jsonl"))
        if not files:
            raise BadInputError(f"{golden} holds no golden files", mend="give a folder with *.jsonl files")
    else:
        files = [golden]
    registry = copy(registry)
    registry.models = SemanticModels(registry.cache, auto="float32")  # golden values are, whatever machine looks
    return [outcome for file in files for outcome in _verify_file(registry, file)]


def _verify_file(registry: "Registry", file: Path) -> Iterator[GoldenOutcome]:
    cases = list(_read_cases(file))
    by_id = {str(case.get("id")): case for _, case in cases}
    for line, case in cases:
        identifier = str(case.get("id", f"line {line}"))
        try:
            if "of" in case:  # it is about other cases of the file
                case["cases"] = [by_id[name] for name in case["of"]]
            findings = list(_check_of(file.stem, case)(registry, file.parent, case))
        except (OutOfRangeError, MetricError) as error:
            findings = [Finding("fail", error.message)]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            what = f"it lacks `{error.args[0]}`" if isinstance(error, KeyError) else str(error)
            # It fails alone: all other cases can still be told from one another.
            findings = [Finding("fail", f"line {line}: the case has not the form of this file: {what}")]
        yield GoldenOutcome(file.name, identifier, *_summary(findings))


def _check_of(stem: str, case: Mapping[str, Any]) -> Check:
    if "responses" in case:
        return partial(check_responses, stem)
    return _CHECKS.get(stem) or partial(check_similarity, stem)


def _summary(findings: list[Finding]) -> tuple[Status, str]:
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
