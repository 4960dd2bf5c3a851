"""Looking more than once: what a p and an interval are worth when seeds are added until the answer is clear.

Two corrections. `group`: at most K looks were planned, each may err with alpha / K; by Bonferroni the whole errs with
at most alpha, however the looks depend, for few seeds and for folds too. (Pocock's constants, which are those of the
normal distribution, let 5.4 % through at 5, 10, 15 and 20 seeds; a test holds that.) `anytime`: an e-process, so that
any number of looks at any time is covered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PRIOR = 1.0
"""Variance g of the effect size, in standard deviations squared, that the mixture is tuned to."""


def planned_looks(first: int, step: int, most: int) -> tuple[int, ...]:
    """Numbers of seeds at which is looked: `first`, then `step` more each time, and at last `most`."""
    counts = list(range(first, most, step))
    return (*counts, most)


def shared_p(p: Array, looks: int) -> Array:
    """Correct p at one of `looks` planned looks: times their number, at most 1."""
    return np.minimum(1.0, p * looks)


def e_value(mean: Array, sd: Array, count: int, *, truth: float = 0.0, prior: float = PRIOR) -> Array:
    """Evidence against the mean difference `truth` after `count` paired differences; at least 1 / alpha rejects.

    The Bayes factor of an effect size from N(0, g) against 0, with the right Haar prior on the scale, is a martingale
    under every scale (Lai 1976; Wang and Ramdas 2024), so it exceeds 1 / alpha at any time with at most alpha:
    (1 + n g)^(-1/2) ((1 + t²/(n-1)) / (1 + t²/((n-1)(1 + n g))))^(n/2).
    """
    df, spread = count - 1, 1 + count * prior
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = count * (mean - truth) ** 2 / (sd**2 * df)
        grown = np.where(np.isinf(ratio), spread, (1 + ratio) / (1 + ratio / spread))
    grown = np.where(np.isnan(grown), 1.0, grown)
    value: Array = np.exp(count / 2 * np.log(grown) - np.log(spread) / 2)
    return value


def signs_p(count: int) -> float:
    """The p of `count` differences of one sign, at any time: 1 over the mean of the odds of all coins.

    The mixture 2^n / (n + 1) of a fair coin that fell n times on one side is a martingale under signs by chance.
    """
    return min(1.0, (count + 1) / 2.0**count)


def anytime_half_width(sd: Array, count: int, *, alpha: float = 0.05, prior: float = PRIOR) -> Array:
    """Half of the interval that holds the truth at all times with 1 - alpha: there the e-value is below 1 / alpha."""
    df, spread = count - 1, 1 + count * prior
    limit = (np.sqrt(spread) / alpha) ** (2 / count)
    if limit >= spread:
        return np.full_like(np.asarray(sd, dtype=np.float64), np.inf)
    ratio = df * (limit - 1) / (1 - limit / spread)
    return np.asarray(sd * np.sqrt(ratio / count))
