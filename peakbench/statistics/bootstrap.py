"""The percentile bootstrap for pooled metrics, whose value is no mean of per-sample values.

A resample draws as many samples (clusters, when there are any) as there are, with replacement, and sums their
sufficient statistics; the metric's value there is `from_totals` of that sum. So an F1 is made again from pooled counts
in every resample, and never averaged over pictures. The resamples depend on the seed and the number of samples alone:
every metric of a run sees the same ones, and their draws are paired.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from peakbench.statistics.intervals import LEVEL, Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHUNK_NUMBERS = 2_000_000
"""Numbers held at a time (16 MB), however many draws there are; of more samples, those of two draws."""
_BLOCK_NUMBERS = 100_000
"""Numbers drawn by one call: for few samples, a call costs ten times its numbers."""


def resampled_totals(statistics: "NDArray[np.float64]", draws: int, seed: int) -> "NDArray[np.float64]":
    """Sum the rows of `draws` resamples with replacement (Efron 1979).

    Args:
        statistics: Shape `(n, k)`: a row of sufficient statistics for each sample or cluster.
        draws: How many resamples.
        seed: The same seed and n give the same resamples, whatever the statistics are.

    Returns:
        Shape `(draws, k)`. Beside it, memory is bounded whatever n and `draws` are.
    """
    n, k = statistics.shape
    drawn = resamples(n, draws, seed)
    totals = np.empty((draws, k))
    chunk = max(1, min(draws, max(2, _CHUNK_NUMBERS // max(n, 1))))  # one draw alone is summed in another order
    counts = np.empty((chunk, n))
    for start in range(0, draws, chunk):
        stop = min(start + chunk, draws)
        for row in range(stop - start):
            counts[row] = np.bincount(next(drawn), minlength=n)
        totals[start:stop] = counts[: stop - start] @ statistics
    return totals


def resamples(n: int, draws: int, seed: int) -> "Iterator[NDArray[np.int32]]":
    """The positions that each resample draws.

    Args:
        n: How many there are to draw from, and how many are drawn.
        draws: How many resamples.
        seed: The same seed and n give the same resamples.
    """
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK_NUMBERS // max(n, 1))
    for start in range(0, draws, block):
        yield from generator.integers(0, n, size=(min(block, draws - start), n), dtype=np.int32)


def percentile_interval(values: "NDArray[np.float64]") -> Interval | None:
    """The middle 95 % of the resampled values.

    Args:
        values: Shape `(draws,)`; NaN where the metric is undefined in a resample, which is left out.

    Returns:
        Low and high end; None when no resample is defined.
    """
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
