"""The reward for lists of defects, as the SDG detector was trained with it (arXiv:2606.06113, appendix D).

    R = 0.6 R_boxes + 0.25 R_description + 0.15 R_importance, and -1 where the form is wrong

The form: reasoning that ends with `</think>`, then `<answer>`, a JSON list and `</answer>`; every item has a box, a
label and a description. Nothing is mended here, since form is what is trained.

Reference and answer are matched one to one within each label, by the greatest sum of distance IoU (DIoU), without a
threshold, so that a box that is far off earns more the nearer it comes. With G references, P items of the answer and
n = max(G, P):

    R_boxes        (sum of DIoU - 0.5 for each item of either side without a partner) / n, cut off to -1..1;
                   0.3 where both sides are empty, -0.8 where only the answer is, -0.3 where only the reference is
    R_description  sum over pairs of (cosine - 0.5) / 0.4, cut off to 0..1, over n
    R_importance   sum over pairs of 1 - |difference| / 50, cut off to 0..1, over n; a reference without one has 50

The other two are 0 where there is no pair. So is a pair's part where a side has no description, or where the answer
has no importance.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.errors import BadInputError
from peakbench.metrics.grounding.answer import boxes_of, extent_of
from peakbench.metrics.grounding.iou import diou_matrix
from peakbench.metrics.grounding.items import BoxItem, ItemReader
from peakbench.rewards.batch import Response, Reward, benchmark_file
from peakbench.rewards.similarity import DescriptionSimilarity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WRONG_FORM = -1.0
BOTH_CLEAN, ALL_MISSED, FALSE_ALARM = 0.3, -0.8, -0.3
WITHOUT_PARTNER = 0.5
LEAST_COSINE, COSINE_RANGE = 0.5, 0.4
"""Sentences about defects of images resemble each other: a cosine of 0.5 says nothing, and one of 0.9 says it all."""
IMPORTANCE_RANGE = 50.0
DEFAULT_IMPORTANCE = 50.0
_MOST_CHARS = 1_000_000
_SUM_TOLERANCE = 1e-9

Pair = tuple[BoxItem, BoxItem]
"""An item of the reference and the item of the answer that is its partner."""


@dataclass(frozen=True, slots=True)
class DefectWeights:
    """What each part of the reward weighs; they sum to 1.

    Attributes:
        boxes: Of where the defects are.
        description: Of what is said about them; 0 leaves it out.
        importance: Of how grave they are said to be.
    """

    boxes: float = 0.6
    description: float = 0.25
    importance: float = 0.15

    def __post_init__(self) -> None:
        weights = (self.boxes, self.description, self.importance)
        if not all(0 <= weight <= 1 for weight in weights) or abs(math.fsum(weights) - 1) > _SUM_TOLERANCE:
            raise BadInputError(
                f"weights of a reward are shares that sum to 1, not {', '.join(map(str, weights))}",
                mend="such as DefectWeights(boxes=0.8, description=0, importance=0.2)",
            )


class DefectReward(Reward):
    """Form, boxes, descriptions and importance of a list of defects, -1..1. Made by `defect_reward`."""

    def __init__(
        self,
        file: BenchmarkFile,
        reference: str,
        description_similarity: DescriptionSimilarity | None,
        weights: DefectWeights,
    ) -> None:
        super().__init__(file, "grounding", reference)
        if weights.description and description_similarity is None:
            raise BadInputError(
                f"{self.__name__}: descriptions weigh {weights.description:g}, but nothing compares them",
                mend="give description_similarity=sentence_similarity() or a function of your own, or leave them out "
                "by weights=DefectWeights(boxes=0.8, description=0, importance=0.2), which is another reward",
            )
        if description_similarity is not None and not weights.description:
            raise BadInputError(
                f"{self.__name__}: descriptions weigh nothing, so description_similarity has no effect",
                mend="leave it out, or give descriptions a weight",
            )
        boxes = file.box_conventions
        for side in (boxes.references, boxes.answers):
            if side.scale.startswith("pixel"):
                raise BadInputError(
                    f"{self.__name__}: boxes in the scale `{side.scale}` need the size of each image, which no column "
                    "of a trainer holds",
                    mend="train with boxes of the scale norm1000, norm999 or norm1",
                )
        self.weights = weights
        self.description_similarity = description_similarity
        self._reference_items = ItemReader(file.labels, boxes.keys, boxes.references.order)
        self._answer_items = ItemReader(file.labels, boxes.keys, boxes.answers.order)

    def rewards(self, responses: Sequence[Response], references: Sequence[Any]) -> list[float]:
        """The rewards; the descriptions of all pairs are compared together."""
        answers = [self._items(response) for response in responses]
        matched = [
            ([], 0.0) if answer is None else matched_by_diou(reference, answer)
            for reference, answer in zip(references, answers, strict=True)
        ]
        cosines = iter(self._cosines([pair for pairs, _ in matched for pair in pairs if _described(pair)]))
        weights, rewards = self.weights, []
        for reference, answer, (pairs, diou) in zip(references, answers, matched, strict=True):
            if answer is None:
                rewards.append(WRONG_FORM)
                continue
            n = max(len(reference), len(answer), 1)
            described = [next(cosines) for pair in pairs if _described(pair)]
            rewards.append(
                weights.boxes * boxes_part(len(reference), len(answer), len(pairs), diou)
                + weights.description * sum(_clip((c - LEAST_COSINE) / COSINE_RANGE, 0.0) for c in described) / n
                + weights.importance * sum(map(_importance_part, pairs)) / n
            )
        return rewards

    def prepared(self, reference: Any) -> tuple[BoxItem, ...]:
        """The items of a reference."""
        return self._reference_items.read(reference, extent_of(self.file.box_conventions.references, (1, 1)))

    def _items(self, response: Response) -> tuple[BoxItem, ...] | None:
        """The items of an answer of the right form; None for one of another form."""
        raw = answer_list(response)
        if raw is None:
            return None
        items = self._answer_items.read(raw, extent_of(self.file.box_conventions.answers, (1, 1)))
        whole = all(item.box is not None and item.said and item.description is not None for item in items)
        return items if whole else None

    def _cosines(self, pairs: Sequence[Pair]) -> Sequence[float]:
        """A cosine for each pair with two descriptions; 0 for all where descriptions weigh nothing."""
        if self.description_similarity is None or not pairs:
            return [0.0] * len(pairs)
        cosines = self.description_similarity([(str(one.description), str(other.description)) for one, other in pairs])
        if len(cosines) != len(pairs) or not all(map(math.isfinite, cosines)):
            raise BadInputError(
                f"{self.__name__}: description_similarity gave {len(cosines)} values for {len(pairs)} pairs, or one "
                "that is no number",
                mend="give a finite cosine for each pair",
            )
        return cosines

    def __reduce__(self) -> tuple[Any, ...]:
        return DefectReward, (self.file, self.reference, self.description_similarity, self.weights)


def defect_reward(
    benchmark: str | Path | BenchmarkFile = "sdg",
    reference: str = "reference",
    *,
    description_similarity: DescriptionSimilarity | None = None,
    weights: DefectWeights | None = None,
) -> DefectReward:
    """A reward function for lists of defects.

    Args:
        benchmark: A built-in benchmark's name, the path of a benchmark file, or the file itself; of the task
            `grounding`.
        reference: Name of the column of references.
        description_similarity: Compares descriptions; needed unless `weights` leave them out. It can be pickled if the
            reward shall be.
        weights: Those of the paper by default: 0.6, 0.25 and 0.15.

    Returns:
        `reward(completions, **columns) -> list[float | None]`, each -1..1.

    Raises:
        BadInputError: If the benchmark has another task or boxes in pixels, or nothing compares descriptions that have
            a weight.
    """
    return DefectReward(benchmark_file(benchmark), reference, description_similarity, weights or DefectWeights())


def answer_list(response: Response) -> list[Mapping[str, Any]] | None:
    """The objects of an answer in the right form: reasoning, then a JSON list of objects between `answer` tags.

    The opening `<think>` may be missing, since chat templates write it; reasoning may come apart from the text.

    Returns:
        None for any other form.
    """
    _, end_of_thought, rest = response.text.rpartition("</think>")
    if not end_of_thought and response.reasoning is None:
        return None
    _, opened, inside = rest.rpartition("<answer>")
    written, closed, _ = inside.partition("</answer>")
    if not opened or not closed or len(written) > _MOST_CHARS:
        return None
    try:
        value = json.loads(written, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and all(isinstance(item, Mapping) for item in value) else None


def matched_by_diou(references: Sequence[BoxItem], answers: Sequence[BoxItem]) -> tuple[list[Pair], float]:
    """Partners within each label by the greatest sum of DIoU, as many as there can be; and that sum.

    An item whose label is none of the set has no partner.
    """
    pairs: list[Pair] = []
    total = 0.0
    for label in dict.fromkeys(item.label for item in references):
        ours = [item for item in references if item.label == label]
        theirs = [item for item in answers if item.label == label]
        if label is None or not theirs:
            continue
        overlaps = diou_matrix(boxes_of(ours), boxes_of(theirs))
        for row, column in _partners(overlaps):
            pairs.append((ours[row], theirs[column]))
            total += float(overlaps[row, column])
    return pairs, total


def boxes_part(n_references: int, n_answers: int, n_pairs: int, diou: float) -> float:
    """`R_boxes`, -1..1, of the numbers of items on both sides, of pairs, and their sum of DIoU."""
    if not n_references:
        return FALSE_ALARM if n_answers else BOTH_CLEAN
    if not n_answers:
        return ALL_MISSED
    alone = n_references + n_answers - 2 * n_pairs
    return _clip((diou - WITHOUT_PARTNER * alone) / max(n_references, n_answers), -1.0)


def _partners(overlaps: "NDArray[np.float64]") -> list[tuple[int, int]]:
    """Row and column of each pair."""
    if overlaps.size == 1:
        return [(0, 0)]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(overlaps, maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _described(pair: Pair) -> bool:
    return all(item.description is not None for item in pair)


def _importance_part(pair: Pair) -> float:
    expected, given = pair[0].importance, pair[1].importance
    if given is None:
        return 0.0
    return _clip(1 - abs((DEFAULT_IMPORTANCE if expected is None else expected) - given) / IMPORTANCE_RANGE, 0.0)


def _clip(value: float, low: float) -> float:
    return min(max(value, low), 1.0)


def _refuse(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is no JSON")
