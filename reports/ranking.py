"""Which rows of a column are best, second and not told apart from the best: decided once, on blocks that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .judged import spread_of
from .numerals import MINUS, digits, numeral, scale
from .statistics.blocks import complete
from .statistics.compare import compare_all
from .statistics.corrections import adjusted
from .statistics.small_n import FEWEST_FOR_P

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ..core.study.plan import PlannedMetric, TableSettings
    from .blocks import Block
    from .judged import Values
    from .statistics.procedure import Procedure

_SECOND = 2


@dataclass(frozen=True, slots=True)
class Ranking:
    """Some rows in one metric, ranked among each other."""

    ranks: Mapping[str, int]
    """{row: 1 or 2}, by the digits shown, so that what reads equal is ranked alike; other rows are not there."""
    tied: frozenset[str]
    """Rows that are not shown to be worse than the best, those that cannot be tested against it among them."""
    untested: tuple[str, ...]
    """Those of them that share too few blocks with it."""
    unranked: tuple[str, ...]
    """Rows that share too few blocks with the others."""
    blocks: int
    """Blocks that the ranked rows share."""
    restricted: bool
    """Whether some ranked row has blocks besides."""


NO_RANKING = Ranking({}, frozenset(), (), (), 0, restricted=False)


def ranking(
    values: Values, cells: Sequence[str], metric: PlannedMetric, procedure: Procedure, table: TableSettings
) -> Ranking:
    """`cells` by their means over the blocks that all ranked ones have; of runs that nothing pairs, over their own.

    A row is left unranked where it would leave fewer than five units in common, or, where rows cannot share five, none.
    † is by the table's test against the best, on the blocks of each with it, adjusted over the other rows.
    """
    known = {cell: values[cell, metric.name] for cell in dict.fromkeys(cells) if values.get((cell, metric.name))}
    if len(known) <= 1:  # one row alone is neither best nor second
        return NO_RANKING
    if procedure.unpaired:
        means = {cell: sum(found.values()) / len(found) for cell, found in known.items()}
        shared = max(map(len, known.values()))
    else:
        common = complete({cell: known[cell] for cell in _sharing(known, procedure)})
        if len(common.cells) <= 1:
            return NO_RANKING
        with np.errstate(over="ignore"):
            means = dict(zip(common.cells, common.by(procedure.unit).mean(axis=-1).tolist(), strict=True))
        shared = len(common.blocks)
    top = (max if metric.higher_is_better else min)(means, key=lambda cell: means[cell])
    worse = _worse(known, top, metric, procedure, table)
    return Ranking(
        ranks=_ranks(means, metric, table),
        tied=frozenset(cell for cell, is_worse in worse.items() if not is_worse),
        untested=tuple(cell for cell, is_worse in worse.items() if is_worse is None),
        unranked=tuple(cell for cell in known if cell not in means),
        blocks=shared,
        restricted=not procedure.unpaired and any(len(known[cell]) > shared for cell in means),
    )


def _sharing(known: Mapping[str, Mapping[Block, float]], procedure: Procedure) -> list[str]:
    """Rows that share enough blocks, in their order: those with most blocks first, each if it leaves enough."""
    for least in (FEWEST_FOR_P, 1):
        common: AbstractSet[Block] = frozenset()
        kept: set[str] = set()
        for cell in sorted(known, key=lambda cell: -len(known[cell])):
            left = known[cell].keys() & common if kept else known[cell].keys()
            if _units(left, procedure) >= least:
                common = left
                kept.add(cell)
        if len(kept) > 1:
            break
    return [cell for cell in known if cell in kept]


def _units(blocks: AbstractSet[Block], procedure: Procedure) -> int:
    return len({block[procedure.unit == "fold"] for block in blocks})


def _ranks(means: Mapping[str, float], metric: PlannedMetric, table: TableSettings) -> dict[str, int]:
    """1 and 2, by the digits shown."""
    factor, places = scale(metric, percent=table.in_percent), digits(metric, table.places, percent=table.in_percent)
    shown = {cell: float(numeral(mean * factor, places).replace(MINUS, "-")) for cell, mean in means.items()}
    order = sorted(set(shown.values()), reverse=metric.higher_is_better)[:_SECOND]
    return {cell: order.index(number) + 1 for cell, number in shown.items() if number in order}


def _worse(
    known: Mapping[str, Mapping[Block, float]],
    best: str,
    metric: PlannedMetric,
    procedure: Procedure,
    table: TableSettings,
) -> dict[str, bool | None]:
    """{other row: whether it is shown to be worse than the best}, None where it cannot be tested.

    Empty where no row of the column can be.
    """
    asked, higher = {cell: found for cell, found in known.items() if cell != best}, metric.higher_is_better
    spread = spread_of({(cell, metric.name): found for cell, found in known.items()}, known, metric.name, procedure)
    made = compare_all(asked, known[best], procedure, higher_is_better=higher, spread=spread)
    p = adjusted([one.p if one else None for one in made.values()], table.statistics.correction)
    if all(value is None for value in p):
        return {}
    return {
        cell: None if one is None or value is None else value <= table.statistics.alpha and (one.delta < 0) == higher
        for (cell, one), value in zip(made.items(), p, strict=True)
    }
