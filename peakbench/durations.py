"""Lengths of time as people read them: measured ones, estimates, and latencies."""


def measured(seconds: float) -> str:
    """A length of time to the second, from an hour on to the minute: `12 s`, `3 min 05 s`, `2 h 07 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def estimated(seconds: float) -> str:
    """A length of time with as much precision as an estimate has: `80 s`, `3 min`, `1.5 h`; `0 s` only for none."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s" if seconds else "0 s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def latency(milliseconds: float) -> str:
    """A latency in milliseconds below a second, else in seconds: `480 ms`, `1.24 s`."""
    return f"{milliseconds:.0f} ms" if milliseconds < 999.5 else f"{milliseconds / 1000:.2f} s"
