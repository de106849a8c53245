"""How many requests at once, found while asking: more as long as the server answers more, fewer when it says 429.

The law is pure: attempts go in, with their times, and a limit comes out; no clock is read and nothing waits. Asking
begins gently and doubles (slow start) until doubling no longer brings a good part of what it should, or the server
says 429. From then on the limit grows by a quarter at a time, and rests for a while where growing did not help. Nothing
but a 429 lowers it below what worked: a slow server is not a full one, and a 500 says nothing of load, so it only
keeps the limit from growing meanwhile.
"""

import math
from dataclasses import dataclass

START = 8
"""The limit that asking begins with; also what asking takes when nobody says anything."""
_CUT = 0.7
"""What a 429 leaves of the limit."""
_STEPS = 4
"""After slow start the limit grows by one of so many parts of itself."""
_SHARE = 0.4
"""Growth goes on when throughput grew by this share of what the limit grew by."""
_TELLING = 1.25
"""Limits closer than this factor are not told apart by their throughput, for it is noisy."""
_FEWEST_ANSWERS = 24
_SHORTEST_WINDOW_S = 0.25
_FULL = 0.9
"""A window in which fewer were in flight than this share of the limit says nothing about the limit."""
_FIRST_REST = 8
_LONGEST_REST = 64
"""Windows of rest after growing did not help; twice as many each time that it did not."""


@dataclass(slots=True)
class _Window:
    """What was seen since the limit last changed.

    Attributes:
        opened: When the limit became what it is.
        first: When the first attempt that began after that was answered; only from then on is the limit in effect.
        answers: Counted after `first`.
        full: Of these, those at whose time the limit was used up.
        troubled: Whether the server failed meanwhile.
    """

    opened: float
    first: float | None = None
    answers: int = 0
    full: int = 0
    troubled: bool = False


class AdaptiveLimit:
    """The law. Times are seconds of one monotonic clock, and do not go back from call to call.

    Args:
        maximum: Most requests at once, 1 or more; the limit is always from 1 to this.
        now: The time.
    """

    def __init__(self, maximum: int, now: float) -> None:
        self.maximum = maximum
        self.limit = min(START, maximum)
        self.start = self.limit
        self.highest = self.limit
        self.cuts = 0
        self._doubling = True
        self._worked: tuple[int, float] | None = None
        """The limit up to which growing is known to have helped, and the throughput there."""
        self._ceiling: int | None = None
        """A limit at which the server said 429."""
        self._missed = False
        """Whether the last window missed the throughput that it should have had; it is measured twice."""
        self._rest = 0
        self._next_rest = _FIRST_REST
        self._cut_at = float("-inf")
        self._window = _Window(now)

    def answered(self, began: float, now: float, in_flight: int) -> None:
        """An attempt was answered.

        Args:
            began: When it was sent.
            now: The time.
            in_flight: How many were in flight, with this one.
        """
        window = self._window
        if window.first is None:
            if began >= window.opened:
                window.first = now
            return
        window.answers += 1
        window.full += in_flight >= _FULL * self.limit
        rounds = 1 if self._rest else math.ceil(_FEWEST_ANSWERS / self.limit)
        # Whole rounds: answers come in bursts when all were sent at once, and a part of a burst is no rate.
        if window.answers >= rounds * self.limit and now - window.first >= _SHORTEST_WINDOW_S:
            self._judge(window.answers / (now - window.first))
            self._window = _Window(now)

    def rate_limited(self, began: float, now: float, in_flight: int) -> None:
        """The server said 429.

        That tells nothing new of an attempt that began before the last cut, nor as long as more are in flight than the
        limit, which is then still to take effect. So there is one cut for a burst of them.
        """
        if began < self._cut_at or in_flight > self.limit:
            return
        self._cut_at = now
        self._ceiling = max(2, in_flight)
        self.limit = int(self._ceiling * _CUT)
        self.cuts += 1
        self._doubling = False
        self._worked = None
        self._missed = False
        self._rest = 0
        self._window = _Window(now)

    def troubled(self) -> None:
        """The server failed in another way: what is measured now is no measure of the limit."""
        self._window.troubled = True

    def _judge(self, rate: float) -> None:
        """Decide what a window tells.

        Args:
            rate: Answers a second in it.
        """
        window = self._window
        if window.troubled or 2 * window.full < window.answers:
            return
        if self._worked is None:
            self._worked = (self.limit, rate)
        elif self._worked[0] == self.limit:
            self._worked = (self.limit, (self._worked[1] + rate) / 2)
        elif self.limit >= _TELLING * self._worked[0]:
            limit, before = self._worked
            if rate < before * (1 + _SHARE * (self.limit / limit - 1)):
                if self._missed:
                    self._fall_back(limit)
                self._missed = not self._missed
                return
            self._worked = (self.limit, rate)
            self._next_rest = _FIRST_REST
            self._doubling = self._ceiling is None
        self._missed = False
        if self._rest:
            self._rest -= 1
            return
        self._grow()

    def _fall_back(self, limit: int) -> None:
        """Growing did not help: take the limit that worked, and stay there for a while."""
        self.limit = limit
        self._doubling = False
        self._take_rest()

    def _take_rest(self) -> None:
        self._rest = self._next_rest
        self._next_rest = min(2 * self._next_rest, _LONGEST_REST)

    def _grow(self) -> None:
        if self.limit >= self.maximum:
            return
        step = self.limit if self._doubling else max(1, self.limit // _STEPS)
        grown = min(self.limit + step, self.maximum)
        if self._ceiling is not None and grown >= self._ceiling:
            if self.limit < self._ceiling - 1:
                grown = self._ceiling - 1
            else:  # right below it: stay a while, then see whether it still holds
                self._ceiling = None
                self._take_rest()
                return
        self.limit = grown
        self.highest = max(self.highest, grown)
