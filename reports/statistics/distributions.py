"""Distributions as `scipy.stats` has them, to the bit, without the second that importing it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainccinv, betaincinv, gammainccinv, gammaincinv, gammaln, ndtr, stdtr, stdtrit, xlogy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def t_sf(value: ArrayLike, df: float) -> Array:
    """P(T > value) of Student's t."""
    return np.asarray(stdtr(df, -np.asarray(value)))


def t_isf(p: float, df: float) -> float:
    """What Student's t exceeds with probability `p`."""
    return float(-stdtrit(df, p))


def normal_cdf(value: ArrayLike) -> Array:
    """P(Z <= value) of the standard normal."""
    return np.asarray(ndtr(value))


def beta_ppf(p: float, a: float, b: float) -> float:
    """What a beta variable stays below with probability `p`."""
    return float(betaincinv(a, b, p))


def beta_isf(p: float, a: float, b: float) -> float:
    """What a beta variable exceeds with probability `p`."""
    return float(betainccinv(a, b, p))


def chi_ppf(p: float, df: float) -> float:
    """What a chi variable stays below with probability `p`."""
    return float(np.sqrt(2 * gammaincinv(df / 2, p)))


def chi_isf(p: float, df: float) -> float:
    """What a chi variable exceeds with probability `p`."""
    return float(np.sqrt(2 * gammainccinv(df / 2, p)))


def chi_pdf(value: Array, df: float) -> Array:
    """Density of a chi variable."""
    rest = gammaln(0.5 * df)
    log = np.log(2) - 0.5 * np.log(2) * df - rest + xlogy(df - 1.0, value) - 0.5 * value**2
    return np.asarray(np.exp(log))
