"""A study small enough to be worked out by hand: its plan, its results and its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from butfor.core.results import TrainResult
from butfor.core.study.plan import (
    Plan,
    PlannedCell,
    PlannedDesign,
    PlannedMetric,
    PlannedRow,
    PlannedTrial,
    TableSettings,
)
from butfor.reports.frame import tidy
from butfor.reports.table import Table, tabulate

METRICS = (
    PlannedMetric(name="weighted_f1", higher_is_better=True, rate=True),
    PlannedMetric(name="mse", higher_is_better=False),
)
Outcome = Mapping[str, float] | str | None
"""{metric: value} of a done trial, a state, or None for a trial that was never run."""


def _plan(
    outcomes: Mapping[str, Mapping[tuple[int, str], Outcome]],
    *,
    labels: Mapping[str, str] | None = None,
    levels: Mapping[str, Mapping[str, object]] | None = None,
    factors: tuple[str, ...] = (),
    kind: str = "leave_one_out",
    metrics: tuple[PlannedMetric, ...] = METRICS,
    baseline: str | None = None,
    baseline_row: bool = True,
) -> Plan:
    cells = list(outcomes)
    first = baseline or cells[0]
    labels, levels = labels or {}, levels or {}
    rows = tuple(
        PlannedRow(
            cell=cell,
            label=labels.get(cell, cell),
            levels=dict(levels.get(cell, {})),
            baseline=baseline_row and cell == first,
        )
        for cell in cells
        if baseline_row or cell != first
    )
    trials = tuple(
        PlannedTrial(key=f"{cell}/{seed}/{fold}", cell=cell, seed=seed, fold=fold)
        for cell, blocks in outcomes.items()
        for seed, fold in blocks
    )
    return Plan(
        study="small",
        baseline=first,
        cells=tuple(PlannedCell(key=cell, label=labels.get(cell, cell), settings={}) for cell in cells),
        designs=(PlannedDesign(name="parts", kind=kind, factors=factors, rows=rows),),
        tables=(TableSettings(design="parts"),),
        trials=trials,
        metrics=metrics,
    )


def _results(outcomes: Mapping[str, Mapping[tuple[int, str], Outcome]]) -> list[TrainResult]:
    return [
        TrainResult(
            key=f"{cell}/{seed}/{fold}",
            cell=cell,
            seed=seed,
            fold=fold,
            state=outcome if isinstance(outcome, str) else "done",
            metrics={} if isinstance(outcome, str) else {"test": dict(outcome)},
        )
        for cell, blocks in outcomes.items()
        for (seed, fold), outcome in blocks.items()
        if outcome is not None
    ]


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Plan]:
    return _plan


@pytest.fixture(scope="session")
def make_results() -> Callable[..., list[TrainResult]]:
    return _results


@pytest.fixture(scope="session")
def make_table() -> Callable[..., Table]:
    """`make_table(outcomes, settings={...}, **plan)`: from outcomes of trials to the table."""

    def build(outcomes, settings=None, **planned) -> Table:
        plan = _plan(outcomes, **planned)
        return tabulate(tidy(_results(outcomes), plan), plan, TableSettings(design="parts", **(settings or {})))

    return build


@pytest.fixture(scope="session")
def small(make_table) -> Table:
    """Two seeds on two folds; `less` is a tenth below `full` everywhere and has lost one trial."""
    blocks = [(seed, fold) for seed in (1, 2) for fold in ("a", "b")]
    full = {block: {"weighted_f1": 0.8 + 0.01 * place, "mse": 0.5} for place, block in enumerate(blocks)}
    less = {block: {"weighted_f1": 0.7 + 0.01 * place, "mse": 0.6} for place, block in enumerate(blocks)}
    return make_table(
        {"full": full, "less": {**less, (2, "b"): "diverged"}},
        factors=("gate",),
        levels={"full": {"gate": True}, "less": {"gate": False}},
        labels={"full": "full system", "less": "w/o gate"},
    )
