"""Draws that every version of numpy repeats: only `random()` is used, the one method whose stream never changed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np

Word = TypeVar("Word")


def pick(rng: "np.random.Generator", shares: Mapping[Word, float]) -> Word:
    """Draw a key by its share; the shares need not sum to one."""
    left = rng.random() * sum(shares.values())
    for word, share in shares.items():
        left -= share
        if left < 0:
            return word
    return list(shares)[-1]


def between(rng: "np.random.Generator", low: float, high: float) -> float:
    """Draw evenly from [low, high)."""
    return low + (high - low) * float(rng.random())
