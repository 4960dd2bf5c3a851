"""A/A studies: the same system against itself with other seeds. Whatever differs there is noise, and any p is false."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...core.errors import StudyError
from .compare import estimate
from .distributions import beta_isf, beta_ppf
from .small_n import FEWEST_FOR_P, FEWEST_FOR_RANKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .procedure import Procedure

STUDIES = 20_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often A/A studies called a difference real."""

    rate: float
    """Share of the studies with p at most alpha, at any look."""
    low: float
    high: float
    """95 % interval of the rate over the seeds that were drawn from."""
    studies: int
    seeds: int
    """Seeds that there were to draw from."""
    looks: tuple[int, ...]
    """Seeds of each arm at each look."""
    alpha: float


def calibrate(
    values: NDArray[np.float64],
    procedure: Procedure,
    looks: Sequence[int],
    *,
    studies: int = STUDIES,
    seed: int = 0,
) -> Calibration:
    """The false positive rate of `procedure` on one system: `values` (seeds, folds).

    Each study draws two disjoint sets of seeds at random, pairs them in the order drawn, and tests at every look. As
    studies share seeds, the interval is that of the jackknife over seeds: of as many independent studies as have the
    same variance, at least as many as are disjoint. Raises StudyError below twice the seeds of the last look.
    """
    have, most = values.shape[0], looks[-1]
    if have < 2 * most:
        raise StudyError(f"A/A studies of {most} seeds an arm need at least {2 * most} seeds, here are {have}")
    observed = values.shape[1] if procedure.unit == "fold" else looks[0]
    fewest = FEWEST_FOR_RANKS if procedure.test == "wilcoxon" else FEWEST_FOR_P
    if observed < fewest:
        raise StudyError(f"nothing is tested below {fewest} {procedure.unit}s, here are {observed}")
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(np.arange(have), (studies, 1)), axis=1)[:, : 2 * most]
    differences = values[drawn[:, :most]] - values[drawn[:, most:]]
    false = np.zeros(studies, dtype=bool)
    for count in looks:
        part = differences[:, :count]
        units = part.mean(axis=1) if procedure.unit == "fold" else part.mean(axis=2)
        false |= _p(units, procedure) <= procedure.alpha
    low, high = _interval(false, drawn, have)
    return Calibration(float(false.mean()), low, high, studies, have, tuple(looks), procedure.alpha)


def _p(units: NDArray[np.float64], procedure: Procedure) -> NDArray[np.float64]:
    """Test each study: p (studies,) from its differences (studies, n)."""
    if procedure.test != "wilcoxon":
        found = estimate(units, procedure)
        return np.ones(len(units)) if found is None else found.p
    each = [estimate(row, procedure) for row in units]
    return np.array([1.0 if one is None else float(one.p) for one in each])


def _interval(false: NDArray[np.bool_], drawn: NDArray[np.int64], have: int) -> tuple[float, float]:
    """Clopper and Pearson for the number of independent studies that vary as much as these do."""
    rate = float(false.mean())
    used = np.zeros((len(false), have), dtype=bool)
    np.put_along_axis(used, drawn, values=True, axis=1)
    without = [float(false[~column].mean()) for column in used.T if (~column).any()]
    variance = (have - 1) / have * float(((np.array(without) - np.mean(without)) ** 2).sum()) if without else 0.0
    least = have / drawn.shape[1]
    count = min(max(rate * (1 - rate) / variance if variance > 0 else least, least), float(len(false)))
    hits = rate * count
    low = beta_ppf(0.025, hits, count - hits + 1) if hits > 0 else 0.0
    high = beta_isf(0.025, hits + 1, count - hits) if hits < count else 1.0
    return low, high
