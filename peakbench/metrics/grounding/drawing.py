"""What became of every box of a sample, as data and as a picture.

Colours are those of Okabe and Ito, which people with any kind of colour vision tell apart, and no meaning hangs on
colour alone: a reference is dashed, a prediction is solid, and each box says in a word what it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from peakbench.metrics.grounding.answer import GroundingAnswer, MatchedPair
from peakbench.metrics.grounding.items import TOP, Box, BoxItem
from peakbench.metrics.grounding.matching import Matching

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

Verdict = Literal["matched", "missed", "invented"]
COLOURS: dict[Verdict, str] = {"matched": "#009E73", "missed": "#E69F00", "invented": "#D55E00"}
"""Bluish green, orange and vermillion."""


@dataclass(frozen=True, slots=True)
class BoxOutcomes:
    """What became of the boxes of a sample.

    Attributes:
        matched: References and the predictions that stand for them.
        missed: References without a prediction.
        invented: Predictions without a reference: false positives. Malformed ones, which have no box, are among them.
    """

    matched: tuple[MatchedPair, ...]
    missed: tuple[BoxItem, ...]
    invented: tuple[BoxItem, ...]


def box_outcomes(
    boxes: GroundingAnswer, threshold: float = 0.5, matching: Matching = "hungarian_masked"
) -> BoxOutcomes:
    """Sort the boxes of a sample into matched, missed and invented ones, as `box_f1_50` counts them.

    Args:
        boxes: The items of the reference and of the answer.
        threshold: IoU that a pair needs.
        matching: How partners are chosen.
    """
    pairs = boxes.pairs(threshold, matching)
    found = {pair.positions[0] for pair in pairs}
    used = {pair.positions[1] for pair in pairs}
    return BoxOutcomes(
        matched=pairs,
        missed=tuple(item for place, item in enumerate(boxes.references) if place not in found),
        invented=tuple(item for place, item in enumerate(boxes.predictions) if place not in used),
    )


def draw_boxes(image: "Image.Image", outcomes: BoxOutcomes) -> "Image.Image":
    """Draw the boxes on a copy of the image: references dashed, predictions solid, each with its label.

    Args:
        image: The sample's image, in any mode and size.
        outcomes: What became of its boxes; malformed ones have nothing to draw.

    Returns:
        A new image, RGB, of the same size.
    """
    from PIL import ImageDraw, ImageFont

    drawn = image.convert("RGB")
    pen = ImageDraw.Draw(drawn)
    longest = max(drawn.size)
    font, width = ImageFont.load_default(size=max(12, longest // 32)), max(1, longest // 200)
    for verdict, item, dashed, text in _lines(outcomes):
        if item.box is None:
            continue
        edges = _in_pixels(item.box, drawn.size)
        _outline(pen, edges, COLOURS[verdict], width, dashed=dashed)
        if text:
            _write(pen, edges, text, COLOURS[verdict], font, drawn.size)
    return drawn


def _lines(outcomes: BoxOutcomes) -> Iterator[tuple[Verdict, BoxItem, bool, str]]:
    """Verdict, item, whether it is dashed, and what is written on it."""
    for pair in outcomes.matched:
        yield "matched", pair.reference, True, ""
        yield "matched", pair.prediction, False, f"{pair.reference.label}, IoU {pair.iou:.2f}"
    for item in outcomes.missed:
        yield "missed", item, True, f"missed: {item.label}"
    for item in outcomes.invented:
        yield "invented", item, False, f"invented: {item.label or 'unknown label'}"


def _in_pixels(box: Box, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The box in pixels, the last row and column included."""
    across, down = (size[0] - 1) / TOP, (size[1] - 1) / TOP
    return box[0] * across, box[1] * down, box[2] * across, box[3] * down


def _outline(
    pen: "ImageDraw.ImageDraw", edges: tuple[float, float, float, float], colour: str, width: int, *, dashed: bool
) -> None:
    left, top, right, bottom = edges
    if not dashed:
        pen.rectangle(edges, outline=colour, width=width)
        return
    dash = 4.0 * width
    for start, end, fixed, lies in (
        (left, right, top, True),
        (left, right, bottom, True),
        (top, bottom, left, False),
        (top, bottom, right, False),
    ):
        at = start
        while at < end:
            to = min(at + dash, end)
            pen.line((at, fixed, to, fixed) if lies else (fixed, at, fixed, to), fill=colour, width=width)
            at += 2 * dash


def _write(
    pen: "ImageDraw.ImageDraw",
    edges: tuple[float, float, float, float],
    text: str,
    colour: str,
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
    size: tuple[int, int],
) -> None:
    """Black on the colour, above the box where there is room, else below it; never out of the picture."""
    first, above, last, below = pen.textbbox((0, 0), text, font=font)
    wide, high = last - first + 8, below - above + 8
    left = max(0.0, min(edges[0], size[0] - wide))
    top = edges[1] - high if edges[1] >= high else edges[3]
    top = max(0.0, min(top, size[1] - high))
    pen.rectangle((left, top, left + wide, top + high), fill=colour)
    pen.text((left + 4 - first, top + 4 - above), text, fill="black", font=font)
