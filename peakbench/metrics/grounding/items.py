"""The items of an answer, and of a reference, in one form: boxes as left, top, right, bottom in 0..1000 of the image.

A model may write anything where a box should be. What is malformed is no box, but it stays an item: the model did say
that something is there, so it is a false positive of its label. Nothing is mended: a box whose corners are the wrong
way round is not turned, and a text is not read as a number. Only what lies partly outside the image is cut off.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from peakbench.benchmarks.boxes import BoxOrder, corners
from peakbench.benchmarks.references import label_words
from peakbench.benchmarks.values import KeyIndex, equality_form, key_index, resolve_keys

BoxFlag = Literal["not_a_list", "wrong_length", "not_a_number", "not_finite", "inverted", "zero_area", "clipped"]
"""What was noticed about a box; of several the first in this order. All but `clipped` leave no box."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, each 0..1000 of the image as it was given."""

TOP = 1000.0
_OUTSIDE = 1e-6
"""How far outside of 0..1000 an edge may lie, by rounding, before the box counts as clipped."""
LOWEST_IMPORTANCE, HIGHEST_IMPORTANCE = 1.0, 100.0
_PARTS: Mapping[str, Sequence[str]] = {
    "label": (),
    "description": ("desc",),
    "importance": (),
    "score": (),
}


@dataclass(frozen=True, slots=True)
class BoxItem:
    """One item of an answer or of a reference.

    Attributes:
        box: None where it is malformed.
        flag: What was noticed about the box; None where nothing was.
        label: The label of the set that it names; None where it names none.
        said: What stands as its label, in equality form; empty where no text does.
        description: As written, stripped; None where there is none.
        importance: 1..100; None where there is no number.
        score: The confidence that the model gives; None where there is no number.
    """

    box: Box | None
    flag: BoxFlag | None = None
    label: str | None = None
    said: str = ""
    description: str | None = None
    importance: float | None = None
    score: float | None = None


def normalise_box(raw: Any, order: BoxOrder, size: tuple[float, float]) -> tuple[Box | None, BoxFlag | None]:
    """Bring a box, whatever it is, into the one form.

    Args:
        raw: What stands where a box should be.
        order: The order that is declared.
        size: What the image's width and height are in the declared scale.

    Returns:
        The box, None where it is malformed; and what was noticed about it.
    """
    if not isinstance(raw, list | tuple):
        return None, "not_a_list"
    if len(raw) != 4:
        return None, "wrong_length"
    for edge in raw:
        if isinstance(edge, bool) or not isinstance(edge, (int, float)):
            return None, "not_a_number"
    try:
        edges = [float(edge) for edge in raw]
    except OverflowError:  # an integer beyond every float
        return None, "not_finite"
    if not all(map(math.isfinite, edges)):
        return None, "not_finite"
    left, top, right, bottom = corners(edges, order)
    if right < left or bottom < top:
        return None, "inverted"
    across, down = size
    whole = (left * TOP / across, top * TOP / down, right * TOP / across, bottom * TOP / down)
    x0, y0, x1, y1 = (min(max(edge, 0.0), TOP) for edge in whole)
    if x0 >= x1 or y0 >= y1:
        return None, "zero_area"
    clipped = any(edge < -_OUTSIDE or edge > TOP + _OUTSIDE for edge in whole)
    return (x0, y0, x1, y1), "clipped" if clipped else None


class ItemReader:
    """Reads items: which keys hold what, and which words name which label.

    Args:
        labels: Label to the words that mean the same.
        box_keys: Keys that a box may have, the first one preferred.
        order: The order of the boxes that are read.
    """

    def __init__(self, labels: Mapping[str, Iterable[str]], box_keys: Sequence[str], order: BoxOrder) -> None:
        self._words = label_words(labels)
        self._box_keys = tuple(dict.fromkeys(box_keys))
        names = (*self._box_keys, *_PARTS)
        self._names = frozenset(names)
        self._index: KeyIndex = key_index(names, _PARTS)
        self._order: BoxOrder = order

    def read(self, items: Iterable[Any], size: tuple[float, float]) -> tuple[BoxItem, ...]:
        """Read the items of one image.

        Args:
            items: Objects, or whatever stands in their place.
            size: What the image's width and height are in the scale of the boxes.
        """
        return tuple(self._item(item, size) for item in items)

    def read_swapped(
        self, items: Iterable[Any], read: Iterable[BoxItem], size: tuple[float, float]
    ) -> tuple[BoxItem, ...]:
        """Read the items of one image as if their boxes named the vertical axis where they name the horizontal one.

        Args:
            items: As for `read`.
            read: What `read` made of them.
            size: As for `read`.
        """
        square = size[0] == size[1]  # a whole box on a square is turned as it stands
        return tuple(
            replace(known, box=(known.box[1], known.box[0], known.box[3], known.box[2]))
            if square and known.box and known.flag is None
            else self._item(item, size, swapped=True)
            for item, known in zip(items, read, strict=True)
        )

    def _item(self, item: Any, size: tuple[float, float], *, swapped: bool = False) -> BoxItem:
        if not isinstance(item, Mapping):
            return BoxItem(None, "not_a_list")
        parts, _ = resolve_keys(item, self._names, self._index)
        raw = next((parts[key] for key in self._box_keys if key in parts), None)
        if swapped and isinstance(raw, list | tuple) and len(raw) == 4:
            raw = [raw[1], raw[0], raw[3], raw[2]]
        box, flag = normalise_box(raw, self._order, size)
        label, description = parts.get("label"), parts.get("description")
        said = ""
        if isinstance(label, str):
            said = label if label in self._words else equality_form(label)  # the words are in that form
        importance = _number(parts.get("importance"), from_text=True)
        if importance is not None:
            importance = min(max(importance, LOWEST_IMPORTANCE), HIGHEST_IMPORTANCE)
        return BoxItem(
            box,
            flag,
            self._words.get(said),
            said,
            (description.strip() or None) if isinstance(description, str) else None,
            importance,
            _number(parts.get("score"), from_text=False),
        )


def _number(value: Any, *, from_text: bool) -> float | None:
    """A finite number, or one that a text holds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not from_text:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
