"""Closed-form 95 % intervals for a mean of per-sample scores.

Two formulas serve every mean. Student's t on the per-sample values is the general one, and takes clusters into account
where samples are not independent of one another. Wilson's score interval is the right one for an unclustered rate of
zeros and ones: it keeps its coverage near 0 and 1, where t does not.

What a constant sample means differs between the two. A t interval has no width then: the sample holds no spread to
learn from, and that is what it says (the oracle floor is 1.0 on every sample, and is exactly that). For a rate this
would be an overstatement, since ten successes in ten trials do not prove a rate of 1. Wilson never collapses, so a rate
that is all zeros or all ones takes Wilson's interval even where it has clusters or repeats, with a cluster (else a
sample) as one trial. That errs on the careful side: it treats the members of a cluster as copies of one another.
"""

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
"""Coverage of every interval that is reported."""

Interval = tuple[float, float]


def t_interval(values: "NDArray[np.float64]", units: "NDArray[np.int64] | None" = None) -> Interval | None:
    """Student's t interval of the mean, with clusters where `units` names them.

    With C clusters and n values the variance of the mean is `C/(C−1) · Σ_c (Σ_{i∈c} (x_i − x̄))² / n²`, and t has C − 1
    degrees of freedom (Liang and Zeger's cluster-robust variance). With every value a cluster of its own this is the
    ordinary `s²/n` with n − 1 degrees, so that one formula serves both.

    Args:
        values: Shape `(n,)`, finite; repeats averaged first.
        units: Shape `(n,)`, the cluster of each value as any integer; None when every value stands for itself.

    Returns:
        Low and high end, not clipped; None below two values or two clusters.
    """
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return None
    mean = float(values.mean())
    deviations: NDArray[np.float64] = values - mean
    if units is not None:
        _, codes = np.unique(units, return_inverse=True)
        deviations = np.bincount(codes, weights=deviations).astype(np.float64)
    count = len(deviations)
    if count < 2:
        return None
    # A constant sample has no spread; the rounding of its mean must not be taken for one.
    spread = 0.0 if values.min() == values.max() else float(np.square(deviations).sum())
    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * sqrt(count / (count - 1) * spread) / n
    return mean - half, mean + half


def wilson_interval(successes: int, n: int) -> Interval | None:
    """Wilson's score interval of a rate (Wilson 1927), without continuity correction.

    Args:
        successes: 0 to `n`.
        n: Independent trials.

    Returns:
        Low and high end, inside 0..1 and never of zero width; None below two trials.
    """
    from scipy.special import ndtri  # `scipy.stats.binomtest` says the same, and takes half a second to import

    if n < 2:
        return None
    z = float(ndtri((1 + LEVEL) / 2))
    rate = successes / n
    whole = 2 * (n + z**2)
    centre = (2 * n * rate + z**2) / whole
    half = z / whole * sqrt(4 * n * rate * (1 - rate) + z**2)
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == n else centre + half)


def rate_interval(
    values: "NDArray[np.float64]", units: "NDArray[np.int64] | None", *, repeated: bool
) -> tuple[Interval | None, str]:
    """Interval of a rate of zeros and ones, by the formula that is honest for it.

    Wilson for unclustered zeros and ones without repeats, and for a rate that is all zeros or all ones; else t.

    Args:
        values: Shape `(n,)`, in 0..1; repeats averaged first.
        units: Clusters as in `t_interval`.
        repeated: Whether samples were asked more than once.

    Returns:
        The interval, or None as in the formula used; and that formula's name: `wilson`, `t` or `t clustered`.
    """
    ones = int((values == 1).sum())
    if ones in (0, len(values)) and not np.any((values != 0) & (values != 1)):
        trials = len(values) if units is None else len(np.unique(units))
        return wilson_interval(trials if ones else 0, trials), "wilson"
    if units is None and not repeated and np.all((values == 0) | (values == 1)):
        return wilson_interval(ones, len(values)), "wilson"
    return t_interval(values, units), "t" if units is None else "t clustered"


def clip_interval(interval: Interval | None, bounds: tuple[float, float]) -> Interval | None:
    """Cut an interval off at the ends of the metric's range, which may be infinite."""
    if interval is None:
        return None
    clipped = np.clip(np.asarray(interval), *bounds)
    return float(clipped[0]), float(clipped[1])
