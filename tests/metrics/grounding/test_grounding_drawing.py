"""What became of the boxes of a sample, as data and as a picture."""

import pytest
from grounding_cases import answer_to, boxes_in, item
from PIL import Image, ImageColor

from peakbench.metrics import BoxOutcomes, box_outcomes, draw_boxes
from peakbench.metrics.grounding.drawing import COLOURS

HERE, THERE, ELSEWHERE = [100, 100, 400, 400], [600, 100, 900, 400], [300, 600, 700, 900]


def outcomes() -> BoxOutcomes:
    response = [item([110, 100, 400, 400]), item(ELSEWHERE, "smudge"), item("nowhere")]
    return box_outcomes(boxes_in(answer_to([item(HERE), item(THERE)], response)))


def test_every_item_is_matched_missed_or_invented() -> None:
    found = outcomes()
    (pair,) = found.matched
    assert (pair.reference.box, pair.prediction.box) == ((100, 100, 400, 400), (110, 100, 400, 400))
    assert pair.iou == pytest.approx(290 / 300)
    assert [one.box for one in found.missed] == [tuple(THERE)]
    assert [one.box for one in found.invented] == [tuple(ELSEWHERE), None], "a malformed item is invented too"


def test_the_threshold_decides_what_is_matched() -> None:
    boxes = boxes_in(answer_to([item(HERE)], [item([100, 100, 400, 200])]))
    assert len(box_outcomes(boxes, 0.3).matched) == 1
    assert len(box_outcomes(boxes, 0.5).matched) == 0


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA"])
@pytest.mark.parametrize("size", [(200, 100), (1, 1), (1600, 900)])
def test_boxes_are_drawn_on_a_copy_of_any_image(mode: str, size: tuple[int, int]) -> None:
    image = Image.new(mode, size)
    before = image.tobytes()
    drawn = draw_boxes(image, outcomes())
    assert (drawn.mode, drawn.size) == ("RGB", size)
    assert image.tobytes() == before


def test_references_are_dashed_and_predictions_solid_in_their_colours() -> None:
    drawn = draw_boxes(Image.new("RGB", (1001, 1001), "white"), outcomes())

    def along(box: list[int], colour: str) -> float:
        """Share of the lower edge that has the colour."""
        wanted = ImageColor.getrgb(colour)
        return sum(drawn.getpixel((x, box[3])) == wanted for x in range(box[0], box[2])) / (box[2] - box[0])

    assert along(ELSEWHERE, COLOURS["invented"]) > 0.99
    assert 0.3 < along(THERE, COLOURS["missed"]) < 0.8
    assert along([110, 100, 400, 400], COLOURS["matched"]) > 0.99
    assert along(ELSEWHERE, COLOURS["missed"]) == 0


def test_what_is_written_on_a_box_at_the_top_hides_none_of_it() -> None:
    found = box_outcomes(boxes_in(answer_to([], [item([0, 0, 400, 100])])))
    drawn = draw_boxes(Image.new("RGB", (1001, 1001), "white"), found)
    inside = {drawn.getpixel((x, y)) for x in range(8, 392) for y in range(8, 92)}
    assert inside == {(255, 255, 255)}
