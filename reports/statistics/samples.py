"""Two trained models on the same test rows: McNemar and the paired bootstrap.

A claim about these two trained models on more rows like these. It says nothing of other seeds, so it never stands in a
column with claims over seeds: a model that wins here may lose when both are trained again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special
from statsmodels.stats.contingency_tables import mcnemar as _mcnemar

from ...core.errors import StudyError
from .distributions import t_isf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Metric = Callable[[NDArray[np.generic], NDArray[np.generic]], float]
    """(predictions (n,) or (n, C), truth (n,)) to a number."""

SCOPE = "two trained models on these test rows; nothing is said of other seeds"
FEWEST_DRAWN = 10
"""Groups, or rows, below which a bootstrap gives neither interval nor p; with five, 9 % of equal pairs are apart."""


@dataclass(frozen=True, slots=True)
class McNemar:
    """Rows that one model gets right and the other wrong."""

    only_first: int
    only_second: int
    p: float
    """Exact binomial, two-sided; of rows that are independent of each other."""
    scope: str = SCOPE


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The difference of a metric between two models over the same resampled rows."""

    difference: float
    """First less second, on all rows."""
    low: float | None
    high: float | None
    """Percentiles of the resampled differences, wide enough for so few draws; None below `FEWEST_DRAWN`."""
    p: float | None
    """Two-sided: twice the share of resamples on the other side of zero, with one added to both counts, and raised as
    the percentiles are; None below `FEWEST_DRAWN`."""
    resamples: int
    drawn: int
    """Groups, or rows, that were drawn from."""
    scope: str = SCOPE


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """Compare which rows (n,) two models got right."""
    one, two = int((first & ~second).sum()), int((~first & second).sum())
    table = [[int((first & second).sum()), one], [two, int((~first & ~second).sum())]]
    return McNemar(one, two, float(_mcnemar(table, exact=True).pvalue))


def paired_bootstrap(
    first: NDArray[np.generic],
    second: NDArray[np.generic],
    truth: NDArray[np.generic],
    metric: Metric,
    *,
    groups: NDArray[np.generic] | None = None,
    resamples: int = 2000,
    alpha: float = 0.05,
    seed: int = 0,
) -> Bootstrap:
    """The metric's difference over rows drawn with replacement, the same rows for both models.

    With `groups` (n,) whole groups are drawn, as rows of one speaker are not independent. Seeded, so repeatable. Plain
    percentiles are those of a normal law with a spread that is too small by the root of (m - 1) / m for m draws; they
    are widened as a t is (Hesterberg, The American Statistician 69, 2015).
    """
    members = _members(np.arange(len(truth)) if groups is None else groups)
    count, difference = len(members), metric(first, truth) - metric(second, truth)
    if count < FEWEST_DRAWN:
        return Bootstrap(difference, None, None, None, 0, count)
    rng = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for number in range(resamples):
        rows = np.concatenate([members[pick] for pick in rng.integers(count, size=count)])
        drawn[number] = metric(first[rows], truth[rows]) - metric(second[rows], truth[rows])
    wider = np.sqrt(count / (count - 1))
    tail = float(special.ndtr(-wider * t_isf(alpha / 2, count - 1)))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    beyond = min((drawn <= 0).sum(), (drawn >= 0).sum())
    plain = min(1.0, 2 * (int(beyond) + 1) / (resamples + 1))
    p = 2 * float(special.stdtr(count - 1, special.ndtri(plain / 2) / wider))
    return Bootstrap(difference, float(low), float(high), p, resamples, count)


def aligned(
    first: Mapping[str, NDArray[np.generic]], second: Mapping[str, NDArray[np.generic]], split: str, task: str
) -> tuple[NDArray[np.int64], NDArray[np.generic], NDArray[np.generic]]:
    """Rows that two stored predictions share, and both models' outputs for them: (n,), (n, ...), (n, ...).

    Takes what `core.predictions.read_predictions` gives. Raises StudyError for a part or task that one does not have.
    """
    for name in (f"{split}/rows", f"{split}/{task}"):
        if name not in first or name not in second:
            raise StudyError(f"no stored predictions of '{name}' in both trials; there are {', '.join(sorted(first))}")
    rows, one, two = np.intersect1d(first[f"{split}/rows"], second[f"{split}/rows"], return_indices=True)
    return rows.astype(np.int64), first[f"{split}/{task}"][one], second[f"{split}/{task}"][two]


def _members(groups: NDArray[np.generic]) -> list[NDArray[np.int64]]:
    order = np.argsort(groups, kind="stable")
    starts = np.unique(groups[order], return_index=True)[1][1:]
    return np.split(order, starts)
