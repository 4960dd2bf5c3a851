"""Two groups of runs that no seed or fold pairs: Welch's t, and the t with the spread that all rows share.

For runs that were recorded without seeds. What seeds and splits did to a run stays in its number, so these need several
times the runs that paired ones do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .distributions import t_isf, t_sf
from .small_n import detectable, power_of_t

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FEWEST_DEGREES = 4.0
"""Degrees of freedom below which no p is given: what five pairs have."""
_MOST_RUNS = 1000


class Spread(NamedTuple):
    """The variance within rows, pooled over all rows that have several runs."""

    variance: float
    df: float


class Difference(NamedTuple):
    """A combination of means of groups that share no runs, and what is known of it; NaN where nothing is."""

    value: float
    sd: float
    """Of one run within a row."""
    se: float
    df: float
    low: float
    """Lower end of the interval at 1 - alpha."""
    high: float
    p: float
    """Two-sided, against zero; NaN below four degrees of freedom."""

    def equivalent(self, margin: float) -> float:
        """The p of two one-sided tests that the value lies within the margin."""
        if not np.isfinite(self.p):
            return float("nan")
        return float(t_sf((margin - abs(self.value)) / self.se, self.df))


def pooled(groups: Iterable[Sequence[float]]) -> Spread | None:
    """The variance within `groups`, taken to be the same in all; None where no group has two runs that differ."""
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    several = [array for array in arrays if array.size > 1]
    df = float(sum(array.size - 1 for array in several))
    total = float(sum(((array - array.mean()) ** 2).sum() for array in several))
    return Spread(total / df, df) if total > 0 else None


def difference(
    one: Sequence[float], other: Sequence[float], *, spread: Spread | None = None, alpha: float = 0.05
) -> Difference:
    """The mean of `one` less that of `other`: Welch's t, or with `spread` the t with that variance and its degrees."""
    return contrast([one, other], [1.0, -1.0], spread=spread, alpha=alpha)


def contrast(
    groups: Sequence[Sequence[float]], weights: Sequence[float], *, spread: Spread | None = None, alpha: float = 0.05
) -> Difference:
    """The weighted sum of the groups' means, with Welch and Satterthwaite's degrees, or with those of `spread`.

    Without `spread` every group needs two runs, else nothing but the value is known.
    """
    used = [
        (np.asarray(group, dtype=np.float64), weight) for group, weight in zip(groups, weights, strict=True) if weight
    ]
    value = float(sum(weight * array.mean() for array, weight in used))
    sizes = np.array([array.size for array, _ in used], dtype=np.float64)
    squares = np.array([weight**2 for _, weight in used])
    if spread is not None:
        variance = np.full(len(used), spread.variance)
        se, df = float(np.sqrt((squares * variance / sizes).sum())), spread.df
    elif sizes.size and sizes.min() > 1:
        variance = np.array([array.var(ddof=1) for array, _ in used])
        shares = squares * variance / sizes
        se = float(np.sqrt(shares.sum()))
        df = float(shares.sum() ** 2 / (shares**2 / (sizes - 1)).sum()) if se > 0 else float("nan")
    else:
        variance, se, df = np.array([np.nan]), float("nan"), float("nan")
    if not (np.isfinite(df) and se > 0):
        return Difference(value, float(np.sqrt(variance.mean())), se, df, *[float("nan")] * 3)
    half = t_isf(alpha / 2, df) * se
    p = float(2 * t_sf(abs(value) / se, df)) if df >= FEWEST_DEGREES else float("nan")
    return Difference(value, float(np.sqrt(variance.mean())), se, df, value - half, value + half, p)


def runs_to_detect(effect: float, *, alpha: float = 0.05, target: float = 0.8) -> int | None:
    """Runs in each of two rows that find `effect` standard deviations with probability `target`; None above 1000."""
    if _power(abs(effect), _MOST_RUNS, alpha) < target:
        return None
    low, high = 1, _MOST_RUNS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(abs(effect), middle, alpha) >= target else (middle, high)
    return high


def detectable_between(
    one: int, other: int, *, df: int | None = None, alpha: float = 0.05, target: float = 0.8
) -> float | None:
    """The smallest difference of two means, in standard deviations of a run, that is found with probability `target`.

    `df` are the degrees of the spread that all rows share. Without them Welch's t is meant, with the degrees that it
    has where both spreads are equal. None where it may happen that no p is given.
    """
    share = 1 / one + 1 / other
    if df is None:
        if min(one, other) - 1 < FEWEST_DEGREES:  # its degrees may be as few as those of the smaller group
            return None
        df = int(share**2 / (1 / (one**2 * (one - 1)) + 1 / (other**2 * (other - 1))))
    return None if df < FEWEST_DEGREES else detectable(df + 1, alpha=alpha, target=target, share=share)


def _power(effect: float, runs: int, alpha: float) -> float:
    return power_of_t(effect * float(np.sqrt(runs / 2)), 2 * runs - 2, alpha=alpha)
