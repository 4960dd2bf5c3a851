"""Sizes of an effect that need no unit: standardised mean differences, and how often one system wins."""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .distributions import beta_isf, beta_ppf

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Superiority(NamedTuple):
    """P(A > B): in which share of blocks A is better, ties half, with its interval."""

    share: float
    low: float
    high: float


def d_z(mean: float, sd: float) -> float | None:
    """Mean paired difference in standard deviations of the differences (Cohen's d_z); None without a spread."""
    return mean / sd if sd > 0 else None


def hedges(effect: float, df: float) -> float | None:
    """The effect without its small-sample bias: times Γ(df/2) / (√(df/2) Γ((df-1)/2)); None below 2 degrees."""
    if df <= 1:
        return None
    return effect * exp(lgamma(df / 2) - lgamma((df - 1) / 2)) / sqrt(df / 2)


def wins(differences: NDArray[np.float64], *, higher_is_better: bool) -> NDArray[np.int_]:
    """In how many of the blocks (..., n) the system is better; ties are no wins."""
    return np.asarray((differences > 0 if higher_is_better else differences < 0).sum(axis=-1))


@lru_cache(maxsize=4096)
def superiority(won: float, blocks: int, *, effective: float | None = None, alpha: float = 0.05) -> Superiority:
    """P(A > B) of `won` (ties half) out of `blocks`, with the exact interval of Clopper and Pearson.

    `effective` is the number of independent blocks where they overlap: the interval is then that of as many.
    """
    share, count = won / blocks, float(blocks) if effective is None else min(effective, float(blocks))
    hits = share * count
    low = beta_ppf(alpha / 2, hits, count - hits + 1) if hits > 0 else 0.0
    high = beta_isf(alpha / 2, hits + 1, count - hits) if hits < count else 1.0
    return Superiority(share, low, high)
