import re

from hypothesis import given
from hypothesis import strategies as st

from peakbench.durations import estimated, latency, measured

LENGTHS = st.floats(0, 1e7)


def test_measured_lengths_are_told_to_the_second_and_long_ones_to_the_minute() -> None:
    told = [measured(seconds) for seconds in (0, 12.4, 59.6, 185, 3599.4, 3600, 7620, 400_000)]
    assert told == [
        "0 s",
        "12 s",
        "1 min 00 s",
        "3 min 05 s",
        "59 min 59 s",
        "1 h 00 min",
        "2 h 07 min",
        "111 h 06 min",
    ]


def test_estimates_are_told_with_the_precision_they_have() -> None:
    told = [estimated(seconds) for seconds in (0, 0.2, 80, 89.9, 90, 200, 5399, 5400, 9000)]
    assert told == ["0 s", "1 s", "80 s", "90 s", "2 min", "3 min", "90 min", "1.5 h", "2.5 h"]


def test_latencies_are_told_in_milliseconds_below_a_second() -> None:
    assert [latency(value) for value in (0, 480.2, 999.4, 999.6, 1240)] == [
        "0 ms",
        "480 ms",
        "999 ms",
        "1.00 s",
        "1.24 s",
    ]


@given(LENGTHS)
def test_no_length_has_sixty_minutes_or_seconds(seconds: float) -> None:
    parts = re.fullmatch(r"(?:(\d+) h )?(?:(\d+) min)? ?(?:(\d+) s)?", measured(seconds))
    assert parts is not None
    hours, minutes, rest = (int(part or 0) for part in parts.groups())
    assert minutes < 60
    assert rest < 60
    assert abs(hours * 3600 + minutes * 60 + rest - seconds) < (61 if hours else 1)


@given(LENGTHS)
def test_only_no_time_at_all_is_estimated_as_none(seconds: float) -> None:
    assert (estimated(seconds) == "0 s") is (seconds == 0)
