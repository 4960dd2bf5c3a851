"""Several data sets: Friedman's test of the ranks and Nemenyi's critical difference (Demsar, JMLR 7, 2006).

Over data sets, never over seeds: seeds on one data set say how steady a result is, not how general.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from ...core.errors import StudyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST_DATA_SETS = 5
"""Below this no p is given."""


@dataclass(frozen=True, eq=False)
class Friedman:
    """Methods ranked over data sets."""

    methods: tuple[str, ...]
    ranks: NDArray[np.float64]
    """(methods,) mean ranks; 1 is best, ties share."""
    data_sets: int
    chi_square: float
    """Friedman's statistic, corrected for ties."""
    f: float
    """Iman and Davenport's F of it, which is less conservative."""
    p: float | None
    """Of F with k - 1 and (k - 1)(N - 1) degrees; None below five data sets."""
    critical_difference: float
    """Two mean ranks that differ by less are not told apart."""

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The longest runs of methods that are not told apart, best first; what a diagram joins by a bar."""
        order = np.argsort(self.ranks, kind="stable")
        found: list[tuple[int, int]] = []
        for start, method in enumerate(order):
            inside = [
                place
                for place, other in enumerate(order)
                if 0 <= self.ranks[other] - self.ranks[method] <= self.critical_difference
            ]
            stop = max(inside)
            if stop > start and (not found or stop > found[-1][1]):
                found.append((start, stop))
        return tuple(tuple(self.methods[order[place]] for place in range(a, b + 1)) for a, b in found)


def friedman(
    scores: NDArray[np.float64], methods: Sequence[str], *, higher_is_better: bool = True, alpha: float = 0.05
) -> Friedman:
    """Rank the methods on each data set: `scores` (N data sets, k methods), each the mean over its seeds.

    Raises StudyError below three methods or two data sets: two methods are a paired comparison.
    """
    count, many = scores.shape
    if many < 3 or count < 2:  # noqa: PLR2004 - what the test is defined for
        raise StudyError(f"Friedman's test needs 3 methods on 2 data sets, here are {many} on {count}")
    ranks = stats.rankdata(-scores if higher_is_better else scores, axis=1)
    mean = ranks.mean(axis=0)
    spread = (ranks**2).sum() - count * many * (many + 1) ** 2 / 4
    chi = 0.0 if not spread else (many - 1) * count**2 * float(((mean - (many + 1) / 2) ** 2).sum()) / float(spread)
    room = count * (many - 1) - chi
    f = (count - 1) * chi / room if room > 0 else float("inf")
    p = float(stats.f.sf(f, many - 1, (many - 1) * (count - 1)))
    return Friedman(
        methods=tuple(methods),
        ranks=mean,
        data_sets=count,
        chi_square=chi,
        f=f,
        p=p if count >= FEWEST_DATA_SETS else None,
        critical_difference=_studentized(many, alpha) * float(np.sqrt(many * (many + 1) / (6 * count))),
    )


@lru_cache(maxsize=256)
def _studentized(many: int, alpha: float) -> float:
    """The upper quantile of the studentised range of `many` means over the root of two; slow to find, so found once."""
    return float(stats.studentized_range.ppf(1 - alpha, many, np.inf) / np.sqrt(2))
