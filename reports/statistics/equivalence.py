"""Equivalence: two one-sided tests against a margin, so that "no effect larger than m" is a result too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .distributions import t_sf
from .paired import exact_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .paired import Paired


def tost(paired: Paired, margin: float) -> NDArray[np.float64]:
    """Schuirmann's two one-sided t tests: p (...) that the difference lies within -margin and +margin.

    It is below alpha just where the interval at 1 - 2 alpha lies inside. Without a spread the point decides: p is what
    signs alone allow for one side, 1 / 2^n, or 1.
    """
    room = margin - np.abs(paired.mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = t_sf(room / paired.se, paired.df)
    return np.where(paired.se == 0, np.where(room > 0, 2.0 ** -(paired.df + 1), 1.0), p)


def rank_tost(differences: NDArray[np.float64], margin: float) -> float:
    """The same by signed ranks of `differences` (n,): the larger of the two exact one-sided p."""
    return float(max(exact_p(differences + margin, "greater"), exact_p(differences - margin, "less")))
