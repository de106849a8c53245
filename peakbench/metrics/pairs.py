"""A memory of pairs of texts: models of a sweep give the same answers to the same references again and again.

A sweep of 29 models on 3,500 samples compares 913,500 pairs of fields, of which 6,796 are different.
"""

from collections.abc import Callable

_CHARACTERS_KEPT = 16_000_000
_LONGEST_KEPT = 2_000


class PairMemory:
    """The value of each pair that was compared lately, the oldest forgotten first.

    Args:
        characters: How many characters of texts are kept in all; memory is some four times that, at most.
        longest: Longest text, in characters, of a pair that is kept at all; long ones hardly ever come twice.
    """

    def __init__(self, characters: int = _CHARACTERS_KEPT, longest: int = _LONGEST_KEPT) -> None:
        self._free = characters
        self._longest = longest
        self._values: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        """How many pairs are kept."""
        return len(self._values)

    def value(self, reference: str, prediction: str, compute: Callable[[str, str], float | None]) -> float | None:
        """The value of a pair, computed unless it is remembered; None is computed again each time."""
        pair = reference, prediction
        value = self._values.get(pair)
        if value is not None:
            return value
        value = compute(reference, prediction)
        if value is not None and max(len(reference), len(prediction)) <= self._longest:
            self._free -= len(reference) + len(prediction)
            self._values[pair] = value
            while self._free < 0:
                oldest = next(iter(self._values))
                del self._values[oldest]
                self._free += len(oldest[0]) + len(oldest[1])
        return value
