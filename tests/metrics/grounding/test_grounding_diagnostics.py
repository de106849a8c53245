"""The swapped-axes warning: it fires where the swapped order fits far better, and says so in words."""

from typing import Any

from grounding_cases import answer_to, boxes_in, item

from peakbench.metrics.grounding.diagnostics import FEWEST_PAIRS, SwappedAxes

TALL = [100, 200, 180, 700]
LYING = [200, 100, 700, 180]


def axes(*responses: Any) -> SwappedAxes:
    """References that stand upright, and the answers to them."""
    counted = SwappedAxes()
    for response in responses:
        counted.add(boxes_in(answer_to([item(TALL)], response)))
    return counted


def test_swapped_boxes_are_warned_about_and_right_ones_are_not() -> None:
    swapped = axes(*[[item(LYING)]] * FEWEST_PAIRS)
    assert swapped.f1 == (0.0, 1.0)
    assert "0.0 % as declared, and 100.0 %" in (swapped.warning or "")
    assert "boxes.answers" in (swapped.warning or "")
    assert axes(*[[item(TALL)]] * 50).warning is None


def test_a_handful_of_boxes_is_no_reason_to_warn() -> None:
    assert axes(*[[item(LYING)]] * (FEWEST_PAIRS - 1)).warning is None


def test_the_gain_has_to_be_more_than_half_as_much_again() -> None:
    assert axes(*[[item(LYING)]] * 30, *[[item(TALL)]] * 20).warning is None
    assert axes(*[[item(LYING)]] * 31, *[[item(TALL)]] * 20).warning is not None


def test_square_boxes_on_the_diagonal_tell_nothing() -> None:
    counted = SwappedAxes()
    for _ in range(50):
        counted.add(boxes_in(answer_to([item([100, 100, 300, 300])], [item([100, 100, 300, 300])])))
    assert counted.warning is None
    assert SwappedAxes().f1 == (0.0, 0.0)


def test_failed_and_unread_answers_count_as_none_of_both() -> None:
    assert axes(None, "no idea", *[[item(LYING)]] * 20).f1 == (0.0, 40 / 42)
