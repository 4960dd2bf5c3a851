"""One system against another, on the blocks they share: everything that a row of a table says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .blocks import averaged_rows
from .effect import Superiority, d_z, hedges, superiority, wins
from .equivalence import rank_tost, tost
from .looks import anytime_half_width, e_value, shared_p, signs_p
from .paired import Paired, paired_t, signed_rank
from .small_n import FEWEST_FOR_P, FEWEST_FOR_RANKS
from .unpaired import difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..blocks import Block
    from .procedure import Procedure
    from .unpaired import Spread


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known of a difference; None where it cannot be known."""

    delta: float
    """Mean paired difference over the units; the Hodges-Lehmann estimate with signed ranks."""
    pairs: int
    """Blocks (seeds on folds) that both have; 0 where nothing is paired."""
    units: int
    """Observations that the interval stands on: seeds, or folds; of both rows together where nothing is paired."""
    sd: float | None = None
    """Of the units' differences, ddof 1; of runs within a row where nothing is paired."""
    low: float | None = None
    """Of the interval at 1 - alpha, for this comparison alone."""
    high: float | None = None
    p: float | None = None
    """Two-sided, against no difference; None below 5 units."""
    p_equivalent: float | None = None
    """That the difference lies within the margin; None without one."""
    wins: int = 0
    """Blocks in which the system is better."""
    d_z: float | None = None
    hedges: float | None = None
    """d_z without its small-sample bias."""
    superiority: Superiority | None = None
    """P(system better than reference)."""


def compare(
    values: Mapping[Block, float],
    reference: Mapping[Block, float],
    procedure: Procedure,
    *,
    higher_is_better: bool,
    margin: float | None = None,
    spread: Spread | None = None,
) -> Comparison | None:
    """`values - reference` over the common blocks; None where there is none. `pooled_t` reads `spread`."""
    asked = {"": values}
    return compare_all(asked, reference, procedure, higher_is_better=higher_is_better, margin=margin, spread=spread)[""]


def compare_all(
    systems: Mapping[str, Mapping[Block, float]],
    reference: Mapping[Block, float],
    procedure: Procedure,
    *,
    higher_is_better: bool,
    margin: float | None = None,
    spread: Spread | None = None,
) -> dict[str, Comparison | None]:
    """Each of `systems` with the same reference, to the bit as by `compare`: those on the same blocks at once."""
    if procedure.unpaired:
        runs = [*reference.values()]
        return {
            name: compare_runs([*values.values()], runs, procedure, margin=margin, spread=spread)
            for name, values in systems.items()
        }
    found: dict[str, Comparison | None] = dict.fromkeys(systems)
    on: dict[frozenset[Block], list[str]] = {}
    for name, values in systems.items():
        on.setdefault(frozenset(values.keys() & reference.keys()), []).append(name)
    for common, names in on.items():
        if common:
            blocks = tuple(sorted(common))
            own = np.array([[systems[name][block] for block in blocks] for name in names])
            with np.errstate(over="ignore"):
                each = own - np.array([reference[block] for block in blocks])
            made = _compared(blocks, each, procedure, higher_is_better=higher_is_better, margin=margin)
            found.update(zip(names, made, strict=True))
    return found


def _compared(
    blocks: tuple[Block, ...],
    each: NDArray[np.float64],
    procedure: Procedure,
    *,
    higher_is_better: bool,
    margin: float | None,
) -> list[Comparison]:
    """Of each row of differences (m, n) on the same blocks."""
    units = averaged_rows(blocks, each, procedure.unit)
    count, won = units.shape[-1], wins(each, higher_is_better=higher_is_better).tolist()
    means = units.mean(axis=-1).tolist()
    if procedure.test == "none" or count <= 1:  # one observation has no spread
        return [Comparison(mean, len(blocks), count, wins=some) for mean, some in zip(means, won, strict=True)]
    half_ties = ((each == 0).sum(axis=-1) / 2).tolist()
    return [
        _judged(row, mean, found, procedure, pairs=len(blocks), won=some, half_ties=half, margin=margin)
        for row, mean, found, some, half in zip(units, means, estimates(units, procedure), won, half_ties, strict=True)
    ]


def _judged(
    units: NDArray[np.float64],
    mean: float,
    found: Paired | None,
    procedure: Procedure,
    *,
    pairs: int,
    won: int,
    half_ties: float,
    margin: float | None,
) -> Comparison:
    """What an estimate on `units` (n,) says."""
    count = units.size
    if found is None or not np.isfinite(found.mean):
        return Comparison(mean, pairs, count, sd=float(units.std(ddof=1)), wins=won)
    size, tested = d_z(mean, float(found.sd)), count >= FEWEST_FOR_P
    return Comparison(
        delta=float(found.mean),
        pairs=pairs,
        units=count,
        sd=float(found.sd),
        low=_finite(found.low),
        high=_finite(found.high),
        p=float(found.p) if tested else None,
        p_equivalent=None if margin is None or not tested else equivalent(units, found, procedure, margin),
        wins=won,
        d_z=size,
        hedges=None if size is None else hedges(size, found.df),
        superiority=superiority(won + half_ties, pairs, effective=1 / procedure.share(count), alpha=procedure.level),
    )


def compare_runs(
    values: Sequence[float],
    reference: Sequence[float],
    procedure: Procedure,
    *,
    margin: float | None = None,
    spread: Spread | None = None,
) -> Comparison | None:
    """The mean of `values` less that of `reference`, runs that nothing pairs; None where one of them has no run."""
    if not values or not reference:
        return None
    found = difference(values, reference, spread=spread, alpha=procedure.level)
    p, same = _finite(np.asarray(found.p)), None if margin is None else _finite(np.asarray(found.equivalent(margin)))
    size = found.value / found.sd if np.isfinite(found.low) else None
    return Comparison(
        delta=found.value,
        pairs=0,
        units=len(values) + len(reference),
        sd=_finite(np.asarray(found.sd)),
        low=_finite(np.asarray(found.low)),
        high=_finite(np.asarray(found.high)),
        p=None if p is None else min(1.0, p * procedure.looks),
        p_equivalent=None if same is None else min(1.0, same * procedure.looks),
        d_z=size,
        hedges=None if size is None else hedges(size, found.df),
    )


def estimate(units: NDArray[np.float64], procedure: Procedure) -> Paired | None:
    """The procedure on `units` (..., n), corrected for looks; None for signed ranks below 6."""
    count = units.shape[-1]
    if procedure.test == "wilcoxon":
        found = signed_rank(units, alpha=procedure.level) if count >= FEWEST_FOR_RANKS else None
    else:
        found = paired_t(units, alpha=procedure.level, share=procedure.share(count))
    if found is None:
        return None
    if procedure.anytime:
        flat = found.sd == 0  # there is no t
        half = np.where(flat, np.nan, anytime_half_width(found.sd, count, alpha=procedure.alpha))
        p = np.minimum(1.0, 1 / e_value(found.mean, found.sd, count))
        p = np.where(flat, np.where(found.mean == 0, 1.0, signs_p(count)), p)
        return found._replace(low=found.mean - half, high=found.mean + half, p=p)
    return found._replace(p=shared_p(found.p, procedure.looks))


def estimates(units: NDArray[np.float64], procedure: Procedure) -> list[Paired | None]:
    """`estimate` of each row of `units` (m, n), to the bit; the t of all rows at once."""
    rows = np.ascontiguousarray(units)
    found = None if procedure.test == "wilcoxon" or procedure.anytime else estimate(rows, procedure)
    if found is None:
        return [estimate(row, procedure) for row in rows]
    *figures, df = found
    return [Paired._make((*row, df)) for row in zip(*figures, strict=True)]


def equivalent(units: NDArray[np.float64], found: Paired, procedure: Procedure, margin: float) -> float:
    """Test that the difference of `units` (n,) lies within the margin: p, corrected for looks."""
    if procedure.anytime:
        if found.sd == 0:
            return signs_p(units.size) if abs(found.mean) < margin else 1.0
        sides = [float(e_value(found.mean, found.sd, units.size, truth=side * margin)) for side in (-1, 1)]
        return min(1.0, 1 / min(sides)) if abs(found.mean) < margin else 1.0
    p = rank_tost(units, margin) if procedure.test == "wilcoxon" else tost(found, margin)
    return float(shared_p(np.asarray(p), procedure.looks))


def _finite(value: NDArray[np.float64]) -> float | None:
    return float(value) if np.isfinite(value) else None
