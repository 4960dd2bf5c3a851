"""What plots and the page of a study are made of: its plan, its results, the tidy frame and the tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from ..core.conditions import split_under
from ..core.store import Store, store_of
from .frame import tidy
from .measured import values_of
from .naming import names
from .recorded import planned
from .spent import spent_of
from .table import tabulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from ..core.results import TrainResult
    from ..core.study.plan import Plan, PlannedMetric
    from .blocks import Block
    from .row import Row
    from .table import Table


@dataclass(frozen=True)
class Material:
    """One study at one moment."""

    plan: Plan
    results: tuple[TrainResult, ...]
    """Those that the plan holds and that have ended."""
    frame: pd.DataFrame
    tables: tuple[Table, ...]
    """One for each of the plan's tables, in order."""

    @cached_property
    def by_cell(self) -> Mapping[str, tuple[TrainResult, ...]]:
        """{cell: its results that count, by seed and fold}."""
        found: dict[str, list[TrainResult]] = {cell.key: [] for cell in self.plan.cells}
        for result in sorted(self.results, key=lambda result: (result.seed, result.fold)):
            if result.state == "done" and result.cell in found:
                found[result.cell].append(result)
        return {cell: tuple(some) for cell, some in found.items()}

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """Every part and condition that some trial has, in the order in which trials name them."""
        done = self.frame[self.frame["state"] == "done"]
        return tuple(str(split) for split in done["split"].unique() if split)

    def blocks(self, cell: str, split: str, metric: str) -> dict[Block, float]:
        """{(seed, fold): value} of the trials that are done and have the metric."""
        values = {
            (result.seed, result.fold): result.metrics.get(split, {}).get(metric) for result in self.by_cell[cell]
        }
        return {block: value for block, value in values.items() if value is not None and abs(value) < float("inf")}

    def values(self, table: Table, row: Row, metric: PlannedMetric) -> dict[Block, float]:
        """Those that stand behind a row's score: its cell's, under the row's condition; areas for the area."""
        return self.values_of(table, row.cell, metric, split_under(table.split, row.condition))

    def values_of(self, table: Table, cell: str, metric: PlannedMetric, split: str) -> dict[Block, float]:
        """Those of a cell on `split` in a column of the table."""
        return values_of(metric, table.metrics, split, partial(self.blocks, cell))

    @cached_property
    def named(self) -> tuple[tuple[Table, str], ...]:
        """Each table with its name, no two alike."""
        return tuple(zip(self.tables, names(self.tables), strict=True))

    def metric(self, name: str) -> PlannedMetric | None:
        """The metric of that name, as the plan knows it."""
        return next((metric for metric in self.plan.metrics if metric.name == name), None)


def material_of(plan: Plan, results: Iterable[TrainResult]) -> Material:
    """The study from results that are at hand."""
    keys = {trial.key for trial in plan.trials}
    kept = tuple(result for result in results if result.key in keys or not keys)
    found, spent = planned(kept, plan), spent_of(kept)
    tables = tuple(tabulate(found, plan, wanted, spent) for wanted in plan.tables)
    return Material(plan, kept, tidy(kept, plan), tables)


def stored(plan: Plan, out: Path) -> Material:
    """The study from its store. Raises StoreError where there is none."""
    with Store.open(store_of(out), create=False) as store:
        return material_of(plan, store.load([trial.key for trial in plan.trials]))
