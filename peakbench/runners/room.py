"""How many requests at once one of several endpoints takes, as far as its 429s tell; without bound before the first.

It only parts requests between endpoints: a full one is passed over while another has room. How many are in flight
altogether is the business of `adaptive`, which hears of a 429 only when no endpoint had room.
"""

_CUT = 0.7
"""What a 429 leaves of the limit."""
_STEPS = 8
"""The limit grows by one of so many parts of itself."""


class Room:
    """Times are seconds of one monotonic clock, and do not go back from call to call."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self._cut_at = float("-inf")
        self._full = 0
        """Answers since the limit last changed, at whose time it was used up."""

    def lacking(self, in_flight: int) -> int:
        """By how many one more request would be beyond the limit; 0 where there is room for it."""
        return 0 if self.limit is None else max(0, in_flight + 1 - self.limit)

    def answered(self, in_flight: int) -> None:
        """A request was answered.

        Args:
            in_flight: How many were in flight, with this one.
        """
        if self.limit is None or in_flight < self.limit:
            return
        self._full += 1
        if self._full >= self.limit:
            self.limit += max(1, self.limit // _STEPS)
            self._full = 0

    def refused(self, began: float, now: float, in_flight: int) -> None:
        """The endpoint said 429; of a burst that began before the last cut, only the first tells something.

        Args:
            began: When the request was sent.
            now: The time.
            in_flight: How many were in flight, with this one.
        """
        if began < self._cut_at or (self.limit is not None and in_flight > self.limit):
            return
        self._cut_at = now
        self.limit = max(1, int(in_flight * _CUT))
        self._full = 0
