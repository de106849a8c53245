"""Were the axes swapped? Box F1 at 0.5 as declared, beside what it is when the answers are read the other way round.

Models differ in whether they write the horizontal or the vertical edge first, and cards contradict code. The order is
declared and never guessed, so nothing is changed here: a great gain under the swapped order is only said.
"""

from peakbench.metrics.grounding.answer import GroundingAnswer, matched_pairs, overlaps_of

GAIN = 1.5
"""How many times the declared order's F1 the swapped one's has to be."""
FEWEST_PAIRS = 10
"""Fewest pairs that match under the swapped order: with fewer, luck is enough."""
_THRESHOLD = 0.5


class SwappedAxes:
    """Counts a run's matched boxes in the declared and in the swapped order of the answers."""

    def __init__(self) -> None:
        self._declared = 0
        self._swapped = 0
        self._items = 0

    def add(self, boxes: GroundingAnswer) -> None:
        """Count an answer in."""
        overlaps = overlaps_of(boxes.references, boxes.swapped)
        swapped = matched_pairs(boxes.references, boxes.swapped, overlaps, _THRESHOLD, "hungarian_masked")
        self._declared += len(boxes.pairs(_THRESHOLD, "hungarian_masked"))
        self._swapped += len(swapped)
        self._items += len(boxes.references) + len(boxes.predictions)

    @property
    def f1(self) -> tuple[float, float]:
        """Box F1 at 0.5 of the declared and of the swapped order; 0 where there is no box at all."""
        return (2 * self._declared / max(self._items, 1), 2 * self._swapped / max(self._items, 1))

    @property
    def warning(self) -> str | None:
        """What to look at; None where the declared order is not suspicious."""
        if self._swapped < FEWEST_PAIRS or self._swapped <= GAIN * self._declared:
            return None
        declared, swapped = self.f1
        return (
            f"the axes of the answers' boxes may be swapped: box F1@0.5 is {100 * declared:.1f} % as declared, and "
            f"{100 * swapped:.1f} % with each pair of coordinates the other way round; look at some answers, and "
            "declare the order that they have under boxes.answers"
        )
