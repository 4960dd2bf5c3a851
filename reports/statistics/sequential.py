"""Which rows have not settled yet and need more seeds: what `run --until-settled` asks after each look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..judged import procedure_of
from ..table import tabulate
from .looks import planned_looks
from .small_n import FEWEST_FOR_P, FEWEST_FOR_RANKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from ...core.study.plan import Plan, SequentialSettings, TableSettings
    from ..row import Row
    from ..table import Table


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A row that more seeds may settle."""

    design: str
    cell: str
    label: str
    metric: str
    """The table's first: it decides when a row is settled."""
    split: str
    seeds: int
    """Seeds of the cell so far."""
    wanted: int
    """Seeds at the next look."""


def unsettled(frame: pd.DataFrame, plan: Plan) -> tuple[Unsettled, ...]:
    """Rows whose interval still straddles what would settle it, of tables that ask for `sequential`.

    A row is settled when it has a verdict in the first metric of its table, and that is not `not settled`. Rows at the
    last look and rows without a trial in common with the baseline are not among those returned: seeds do not help them.
    """
    found = []
    for wanted in plan.tables:
        sequential = wanted.statistics.sequential
        if sequential is None or hopeless(plan, wanted):
            continue
        table = tabulate(frame, plan, wanted)
        for row in _open(table):
            seeds = len({trial.seed for trial in plan.trials if trial.cell == row.cell})
            planned = planned_looks(sequential.first, sequential.step, sequential.max_seeds)
            later = [count for count in planned if count > seeds]
            if later:
                metric = table.metrics[0].name
                found.append(Unsettled(wanted.design, row.cell, row.label, metric, table.split, seeds, later[0]))
    return tuple(found)


def hopeless(plan: Plan, table: TableSettings) -> str:
    """Why no number of seeds can settle a row of the table, and what would; empty where seeds can."""
    statistics = table.statistics
    if statistics.test == "none":
        return f"{table.design} has no test"
    cells = {
        plan.baseline,
        *(row.cell for design in plan.designs if design.name == table.design for row in design.rows),
    }
    procedure = procedure_of(plan, statistics, cells, table.split, {})
    if procedure.unit == "fold":
        folds = len({trial.fold for trial in plan.trials if trial.cell in cells})
        if folds < FEWEST_FOR_P:
            return (
                f"{table.design} is tested over {folds} fold{'s' * (folds > 1)}, and below {FEWEST_FOR_P} there is no "
                f"p however many seeds there are: have {FEWEST_FOR_P} folds, or test over seeds (`test: paired_t`)"
            )
    most = statistics.sequential.max_seeds if statistics.sequential else FEWEST_FOR_RANKS
    if procedure.test == "wilcoxon" and most < FEWEST_FOR_RANKS:
        return (
            f"{table.design} is tested by signed ranks, which need {FEWEST_FOR_RANKS} seeds, and `max_seeds` is {most}"
        )
    return ""


def seeds_wanted(rows: Iterable[Unsettled], baseline: str) -> dict[str, int]:
    """{cell: number of seeds it should have now}; the baseline has as many as any, since all are paired with it."""
    wanted: dict[str, int] = {}
    for row in rows:
        for cell in (row.cell, baseline):
            wanted[cell] = max(row.wanted, wanted.get(cell, 0))
    return wanted


def with_sequential(plan: Plan, settings: SequentialSettings) -> Plan:
    """The plan with `settings` in every table that has none of its own, so that tables rebuilt later are corrected."""
    tables = [
        table
        if table.statistics.sequential
        else table.model_copy(update={"statistics": table.statistics.model_copy(update={"sequential": settings})})
        for table in plan.tables
    ]
    return plan.model_copy(update={"tables": tuple(tables)})


def _open(table: Table) -> list[Row]:
    """Rows that were compared and are not settled in the first metric."""
    if not table.metrics:
        return []
    metric = table.metrics[0].name
    return [
        row for row in table.rows if (judged := row.scores[metric].judged) and judged.verdict in (None, "not settled")
    ]
