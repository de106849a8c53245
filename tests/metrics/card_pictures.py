"""The pictures of the cards of boxes: drawn from the card's own example, on a plain ground."""

from typing import Any

from card_examples import boxed_answers
from PIL import Image

from peakbench.metrics import box_outcomes, draw_boxes
from peakbench.metrics.registry import Registry

SIZE = (400, 400)


def picture_of_example(registry: Registry, example: dict[str, Any]) -> Image.Image:
    """The boxes of the sample that the example names, at the threshold that it names."""
    boxes = boxed_answers(registry, example)[example["picture"]["sample"]].boxes
    assert boxes is not None
    outcomes = box_outcomes(boxes, example["picture"]["iou"], example["picture"].get("matching", "hungarian_masked"))
    return draw_boxes(Image.new("RGB", SIZE, "#EDEDED"), outcomes)
