"""Paired comparisons: mean difference, t interval and p, signed ranks. Blocks stand on the last axis."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import special

from .distributions import t_isf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_NO_SPREAD = 1e-12
"""A standard deviation below this share of the largest difference is rounding."""


class Paired(NamedTuple):
    """A mean difference and what is known of it; every field (...), NaN where nothing can be said."""

    mean: Array
    sd: Array
    """Of the differences, ddof 1."""
    se: Array
    """Standard error of the mean."""
    low: Array
    """Lower end of the interval at 1 - alpha."""
    high: Array
    p: Array
    """Two-sided, against no difference."""
    df: int
    """Degrees of freedom: blocks less one."""


@lru_cache(maxsize=1024)
def t_limit(alpha: float, df: float) -> float:
    """What Student's t with `df` degrees of freedom exceeds, on either side, with probability alpha."""
    return t_isf(alpha / 2, df)


def paired_t(differences: Array, *, alpha: float = 0.05, share: float | None = None) -> Paired:
    """Student's paired t on `differences` (..., n).

    `share` is the part of the variance that the mean keeps: 1/n for independent blocks (the default); a correction for
    overlapping training sets makes it larger. Differences without any spread have no t and no interval; their p
    is what their signs alone allow, 2 / 2^n, or 1 where all are zero.
    """
    count = differences.shape[-1]
    mean, sd = differences.mean(axis=-1), differences.std(axis=-1, ddof=1)
    flat = sd <= _NO_SPREAD * np.abs(differences).max(axis=-1)
    sd = np.where(flat, 0.0, sd)
    se = sd * np.sqrt(1 / count if share is None else share)
    half = np.where(flat, np.nan, t_limit(alpha, count - 1) * se)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(count - 1, -np.abs(mean / se))
    p = np.where(flat, np.where(mean == 0, 1.0, 2.0 ** (1 - count)), p)
    return Paired(mean, sd, se, mean - half, mean + half, p, count - 1)


def signed_rank(differences: Array, *, alpha: float = 0.05) -> Paired:
    """Wilcoxon's signed ranks of `differences` (n,): exact p, and the Hodges-Lehmann estimate with its exact interval.

    The estimate is the median of the n (n + 1) / 2 means of pairs; the interval is of such means too, at least at
    1 - alpha. Ties have mid-ranks; zeros are ranked and then take no side (Pratt). Differences without any spread have
    no interval, as with `paired_t`.
    """
    count = differences.shape[-1]
    first, second = np.triu_indices(count)
    walsh = np.sort((differences[first] + differences[second]) / 2)
    below = _ranks_below(count, alpha / 2)
    low, high = (walsh[below], walsh[-1 - below]) if below >= 0 else (-np.inf, np.inf)
    sd, nan = differences.std(ddof=1), np.asarray(np.nan)
    if sd <= _NO_SPREAD * np.abs(differences).max():
        sd, low, high = 0.0, nan, nan
    return Paired(
        np.asarray(np.median(walsh)), sd, nan, np.asarray(low), np.asarray(high), exact_p(differences), count - 1
    )


def exact_p(differences: Array, side: Literal["both", "greater", "less"] = "both") -> Array:
    """Exact p of the signed rank sum of `differences` (n,) among all signs of the non-zero ones; ties are allowed."""
    from scipy.stats import rankdata  # noqa: PLC0415 - seconds to import, and few tables rank

    doubled = np.rint(2 * rankdata(np.abs(differences))).astype(int)
    observed = int((doubled * np.sign(differences)).sum())
    used = doubled[differences != 0]
    counts = _sums(used)
    sums = 2 * np.arange(counts.size) - (counts.size - 1)
    extreme = {"both": np.abs(sums) >= abs(observed), "greater": sums >= observed, "less": sums <= observed}[side]
    return np.asarray(counts[extreme].sum() / counts.sum())


def _sums(ranks: NDArray[np.int_]) -> Array:
    """How many subsets of `ranks` have each sum: (total + 1,)."""
    counts = np.zeros(int(ranks.sum()) + 1)
    counts[0] = 1
    for rank in ranks:
        counts[rank:] += counts[: counts.size - rank].copy()
    return counts


def _ranks_below(count: int, tail: float) -> int:
    """The largest c with P(rank sum <= c) <= tail for `count` blocks; -1 where even 0 is too likely."""
    counts = _sums(np.arange(1, count + 1))
    return int(np.searchsorted(np.cumsum(counts) / counts.sum(), tail, side="right")) - 1
