"""`run --until-settled`: look at the results, add seeds where a row is not settled, look again; judged from the store.

Every look is judged anew from what is stored, so a call that was interrupted, or made again, goes on where it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import StudyError
from ..core.study.plan import SequentialSettings
from . import rebuild
from .looked import remembered, with_looks
from .statistics.sequential import hopeless, seeds_wanted, unsettled, with_sequential

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from ..core.study.plan import Plan, TableSettings

DEFAULT = SequentialSettings()
"""For tables that do not say how seeds are added."""


def most_seeds(tables: Iterable[TableSettings]) -> int:
    """Seeds that a study may come to. Raises StudyError where no table tests anything."""
    counts = [(one.statistics.sequential or DEFAULT).max_seeds for one in tables if one.statistics.test != "none"]
    if not counts:
        raise StudyError("--until-settled: no table of the study has a test, so nothing can settle")
    return max(counts)


def check(plan: Plan, only: Collection[str] = ()) -> None:
    """Raises StudyError where no table, of the designs `only` or of any, can settle however many seeds there are."""
    whole = with_sequential(plan, DEFAULT)
    reasons = [hopeless(whole, table) for table in whole.tables if not only or table.design in only]
    if all(reasons):
        told = "; ".join(dict.fromkeys(reasons)) or "no table is of a design that is asked for"
        raise StudyError(f"--until-settled: no more seeds can settle anything: {told}")


def looks(plan: Plan, out: Path, only: Collection[str] = ()) -> Iterator[Plan]:
    """The plan of each look, to be trained before the next one is asked for; the last has what settled the study.

    Each tells what was looked at, in earlier runs too, so that no later run forgets it.

    `plan` has all seeds that the study may come to. Cells have those of the first look, and then more only where a row
    of the designs `only` (or of any) has not settled; the baseline has as many as any.
    """
    whole = with_sequential(plan, DEFAULT)
    some = [one for one in whole.tables if not hopeless(whole, one)]
    first = max((one.statistics.sequential or DEFAULT).first for one in some)
    counts = {cell.key: first for cell in whole.cells}
    while True:
        now = remembered(with_looks(_with_seeds(whole, counts)), out)
        yield now
        rows = [row for row in unsettled(rebuild.frame(now, out), now) if not only or row.design in only]
        more = {cell: count for cell, count in seeds_wanted(rows, now.baseline).items() if count > counts[cell]}
        if not more:
            return
        counts |= more


def _with_seeds(plan: Plan, counts: Mapping[str, int]) -> Plan:
    """The plan with the first so many seeds of each cell."""
    order = {seed: place for place, seed in enumerate(dict.fromkeys(trial.seed for trial in plan.trials))}
    kept = tuple(trial for trial in plan.trials if order[trial.seed] < counts[trial.cell])
    return plan.model_copy(update={"trials": kept})
