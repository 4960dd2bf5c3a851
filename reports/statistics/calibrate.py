"""A/A studies: the same system against itself with other seeds. Whatever differs there is noise, and any p is false."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...core.errors import StudyError
from .compare import compare_runs, estimate
from .distributions import beta_isf, beta_ppf
from .small_n import FEWEST_FOR_P, FEWEST_FOR_RANKS
from .unpaired import pooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .procedure import Procedure

STUDIES = 20_000
_FEWEST_RUNS = 3
"""Runs of each of two arms that have the four degrees of freedom of a test with one spread; Welch's has fewer."""


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
    test: str
    """That the studies were tested with."""

    @property
    def nominal(self) -> Literal["above", "within", "below"]:
        """Where the rate lies: above alpha, with alpha in its interval, or below it."""
        return "above" if self.low > self.alpha else "below" if self.high < self.alpha else "within"


def calibrate(
    values: NDArray[np.float64],
    procedure: Procedure,
    looks: Sequence[int],
    *,
    studies: int = STUDIES,
    seed: int = 0,
) -> Calibration:
    """The false positive rate of `procedure` on one system: `values` (seeds, folds).

    Each study draws two disjoint sets of seeds at random, pairs them in the order drawn where the test is of pairs, and
    tests at every look. As studies share seeds, the interval is that of the jackknife over seeds: of as many
    independent studies as have the same variance, at least as many as are disjoint. Raises StudyError below twice the
    seeds of the last look, and where the first look tests nothing.
    """
    have, most = values.shape[0], looks[-1]
    if have < 2 * most:
        raise StudyError(f"A/A studies of {most} seeds an arm need at least {2 * most} seeds, here are {have}")
    _check_size(procedure, seeds=looks[0], folds=values.shape[1])
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(np.arange(have), (studies, 1)), axis=1)[:, : 2 * most]
    one, other = values[drawn[:, :most]], values[drawn[:, most:]]
    false = np.zeros(studies, dtype=bool)
    for count in looks:
        found = (_p_of_runs if procedure.unpaired else _p_of_pairs)(one[:, :count], other[:, :count], procedure)
        false |= found <= procedure.alpha
    low, high = _interval(false, drawn, have)
    return Calibration(float(false.mean()), low, high, studies, have, tuple(looks), procedure.alpha, procedure.test)


def _check_size(procedure: Procedure, *, seeds: int, folds: int) -> None:
    """Refuse what the table itself would not test. Raises StudyError."""
    observed = {"fold": folds, "seed": seeds, "run": seeds * folds}[procedure.unit]
    fewest = {"wilcoxon": FEWEST_FOR_RANKS, "welch": _FEWEST_RUNS + 1, "pooled_t": _FEWEST_RUNS}
    least = fewest.get(procedure.test, FEWEST_FOR_P)
    if observed < least:
        of = " of each arm" if procedure.unpaired else ""
        raise StudyError(f"nothing is tested below {least} {procedure.unit}s{of}, here are {observed}")


def _p_of_runs(one: NDArray[np.float64], other: NDArray[np.float64], procedure: Procedure) -> NDArray[np.float64]:
    """Test each study as runs that nothing pairs: p (studies,) from the arms (studies, seeds, folds); 1 for none."""
    found = np.ones(len(one))
    for place, arms in enumerate(
        zip(one.reshape(len(one), -1).tolist(), other.reshape(len(one), -1).tolist(), strict=True)
    ):
        spread = pooled(arms) if procedure.test == "pooled_t" else None
        compared = compare_runs(*arms, procedure, spread=spread)
        if compared is not None and compared.p is not None:
            found[place] = compared.p
    return found


def _p_of_pairs(one: NDArray[np.float64], other: NDArray[np.float64], procedure: Procedure) -> NDArray[np.float64]:
    """Test each study by its pairs: p (studies,) from the arms (studies, seeds, folds)."""
    units = (one - other).mean(axis=1 if procedure.unit == "fold" else 2)
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
