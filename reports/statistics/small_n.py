"""What few blocks allow: below 5 intervals only, below 6 no signed ranks; what could be seen, and what would settle it.

Power is that of the noncentral t, as in statsmodels' `TTestPower`, by an integral over the spread: quick enough for a
table to ask it a thousand times, and steady where scipy's noncentral t gives NaN.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .distributions import chi_isf, chi_pdf, chi_ppf, normal_cdf, t_isf

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FEWEST_FOR_P = 5
"""Blocks below which no p is given, only the interval."""
FEWEST_FOR_RANKS = 6
"""Blocks below which the signed ranks cannot reach .05: the smallest p of five is 2 / 2^5 = .0625."""
MOST_SEEDS = 1000
"""Beyond this no number of seeds is promised."""
_HALVINGS = 40
"""Of the interval in which an effect is looked for. `scipy.optimize` does it in ten, and takes longer to import."""
_TAIL = 1e-14


def power(effect: float, count: int, *, alpha: float = 0.05, share: float | None = None) -> float:
    """Probability that the paired t finds an effect of `effect` standard deviations with `count` blocks."""
    return power_of_t(abs(effect) / float(np.sqrt(1 / count if share is None else share)), count - 1, alpha=alpha)


def power_of_t(shift: float, df: int, *, alpha: float = 0.05) -> float:
    """Probability that a two-sided t with `df` degrees and noncentrality `shift` passes its limit."""
    spread, weights = _spreads(df)
    limit = t_isf(alpha / 2, df) * spread
    return float(weights @ (normal_cdf(shift - limit) + normal_cdf(-shift - limit)))


@lru_cache(maxsize=1024)
def detectable(count: int, *, alpha: float = 0.05, target: float = 0.8, share: float | None = None) -> float | None:
    """The smallest effect, in standard deviations of the differences, found with probability `target`.

    None below two blocks. In the metric's unit it is this times the standard deviation.
    """
    if count <= 1:  # one block has no spread
        return None
    high = 1.0
    while power(high, count, alpha=alpha, share=share) < target:
        high *= 2
    low = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, count, alpha=alpha, share=share) < target else (low, middle)
    return (low + high) / 2


def seeds_to_detect(effect: float, *, alpha: float = 0.05, target: float = 0.8) -> int | None:
    """The smallest number of seeds that finds `effect` standard deviations with probability `target`; None above 1000.

    An effect estimated from few seeds is itself uncertain, and so is this number.
    """
    return _smallest(lambda count: power(effect, count, alpha=alpha) >= target)


def seeds_to_settle(margin: float, sd: float, *, alpha: float = 0.05, target: float = 0.8) -> int | None:
    """The smallest number of seeds after which a true difference of zero is shown to lie within the margin.

    Power of the two one-sided tests at zero, exact for the t interval up to the product of its mean and spread.
    """
    if sd <= 0:
        return FEWEST_FOR_P
    return _smallest(lambda count: equivalence_power(margin / sd, count, alpha=alpha) >= target)


def equivalence_power(margin: float, count: int, *, alpha: float = 0.05) -> float:
    """Probability that both one-sided tests pass when the truth is zero; `margin` in standard deviations.

    The integral over the spread s (df s² is chi-square) of the chance that the mean falls within margin - t s / √n.
    """
    spread, weights = _spreads(count - 1)
    room = np.sqrt(count) * margin - t_isf(alpha, count - 1) * spread
    return float(weights @ np.where(room > 0, 2 * normal_cdf(room) - 1, 0.0))


@lru_cache(maxsize=1)
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights (200,) on -1 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    return nodes, weights


@lru_cache(maxsize=1024)
def _spreads(df: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights (200,) of the law of s / sigma, whose square times `df` is chi-square: Gauss and Legendre."""
    low, high = chi_ppf(_TAIL, df), chi_isf(_TAIL, df)
    nodes, weights = _legendre()
    places = low + (nodes + 1) / 2 * (high - low)
    return places / np.sqrt(df), weights * (high - low) / 2 * chi_pdf(places, df)


def _smallest(enough: Callable[[int], bool]) -> int | None:
    """The smallest number of seeds from 5 on that is enough, found by halving; None where 1000 are not."""
    if not enough(MOST_SEEDS):
        return None
    low, high = FEWEST_FOR_P - 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
