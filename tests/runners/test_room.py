"""The room of an endpoint: learnt from its 429s, never below one, and it comes back."""

from hypothesis import given
from hypothesis import strategies as st

from peakbench.runners.room import Room


def test_there_is_room_for_any_number_until_the_first_429() -> None:
    room = Room()
    for in_flight in (1, 50, 5000):
        room.answered(in_flight)
    assert room.lacking(10_000) == 0


def test_one_burst_is_one_cut() -> None:
    room = Room()
    for position in range(20):
        room.refused(began=1.0, now=2.0 + position / 100, in_flight=20 - position)
    assert room.limit == 14
    room.refused(began=3.0, now=3.1, in_flight=17)  # more than the limit: it is still to take effect
    assert room.limit == 14
    room.refused(began=3.0, now=3.2, in_flight=14)
    assert room.limit == 9
    assert (room.lacking(8), room.lacking(9), room.lacking(12)) == (0, 1, 4)


def test_it_grows_by_an_eighth_only_while_it_is_used_up() -> None:
    room = Room()
    room.refused(0.0, 1.0, 58)
    assert room.limit == 40
    for _ in range(1000):
        room.answered(39)
    assert room.limit == 40
    for _ in range(40):
        room.answered(40)
    assert room.limit == 45


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 100)), max_size=200))
def test_whatever_comes_there_is_room_for_one(events: list[tuple[bool, int]]) -> None:
    room = Room()
    for now, (refused, in_flight) in enumerate(events):
        before = room.limit
        if refused:
            room.refused(now, now, in_flight)
        else:
            room.answered(in_flight)
        assert room.lacking(0) == 0
        assert room.limit is None or before is None or room.limit <= before + max(1, before // 8)
