"""A study small enough to be worked out by hand: its plan, its results and its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
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
from butfor.reports.plots.look import house_style
from butfor.reports.table import Table, tabulate

if TYPE_CHECKING:
    from butfor.reports.plots.picture import Picture

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


PAPER = """@inproceedings{doll2020,
  title     = {A {Study} of Parts},
  author    = {Doll{\\'a}r, Ann and Bee, Bo},
  booktitle = {Proceedings},
  year      = {2020}
}"""
CLEAN = "test"
CONDITIONS = ("test@missing:0.3", "test@missing:0.7", "test@without:audio")


def _study(
    *, seeds: int = 6, states: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None, epochs: int = 4
) -> tuple[Plan, list[TrainResult]]:
    """A 2 x 2 factorial and a removal of its parts, all trials done but those of `states` {key: state or `missing`}."""
    names = {"full": "full", "less": "w/o gate", "mean": "mean fusion", "both": "w/o gate, mean", **(labels or {})}
    settings = {"dataset": {"name": "planted"}, "fusion": {"name": "attention"}}
    cells = tuple(PlannedCell(key=key, label=label, settings=settings) for key, label in names.items())
    grid = {"full": (True, "attention"), "less": (False, "attention"), "mean": (True, "mean"), "both": (False, "mean")}
    rows = [
        PlannedRow(cell=cell, label=names[cell], levels={"gate": gate, "fusion": fusion}, baseline=cell == "full")
        for cell, (gate, fusion) in grid.items()
    ]
    parts = [row.model_copy(update={"levels": {"gate": row.levels["gate"]}}) for row in rows[:2]]
    designs = (
        PlannedDesign(name="parts", kind="leave_one_out", factors=("gate",), rows=tuple(parts)),
        PlannedDesign(name="grid", kind="factorial", factors=("gate", "fusion"), rows=tuple(rows)),
    )
    trials = tuple(
        PlannedTrial(key=f"{number:02x}{seed:02x}" * 4, cell=cell, seed=seed, fold="official")
        for number, cell in enumerate(names)
        for seed in range(seeds)
    )
    plan = Plan(
        study="small",
        source="small.yaml",
        baseline="full",
        cells=cells,
        designs=designs,
        tables=(TableSettings(design="parts"), TableSettings(design="grid", metrics=("weighted_f1",))),
        trials=trials,
        metrics=METRICS,
        papers={"fusion attention": PAPER, "fusion mean": PAPER},
    )
    shift = {"full": 0.0, "less": -0.2, "mean": 0.01, "both": -0.25}
    found = states or {}
    results = [
        _outcome(trial, shift[trial.cell], found.get(trial.key, "done"), epochs)
        for trial in trials
        if found.get(trial.key) != "missing"
    ]
    return plan, results


def _outcome(trial: PlannedTrial, shift: float, state: str, epochs: int) -> TrainResult:
    rng = np.random.default_rng([trial.seed, int(abs(shift) * 1000)])
    own = {"weighted_f1": 0.7 + shift + 0.01 * rng.normal(), "mse": 0.5 - shift + 0.01 * rng.normal()}
    worse = {name: {metric: value - 0.1 for metric, value in own.items()} for name in CONDITIONS}
    curve = tuple(
        {"lr": 0.1, "loss": 1 / (epoch + 1), "loss.emotion": 0.5, "valid.weighted_f1": 0.1 * epoch, "select": 0.1}
        for epoch in range(epochs)
    )
    done = state == "done"
    return TrainResult(
        key=trial.key,
        cell=trial.cell,
        seed=trial.seed,
        fold=trial.fold,
        state=state,
        message="" if done else "the loss is not finite",
        metrics={CLEAN: own, **worse} if done else {},
        curve=curve,
        selected_epoch=epochs - 1,
        seconds=1.5,
        provenance={
            "engine": "stack",
            "parameters": 1000 + int(1000 * abs(shift)),
            "epochs": epochs,
            "fusion_weights": {"test": {"text": 0.7, "audio": 0.3}, "test@missing:0.3": {"text": 0.8, "audio": 0.2}},
            **({"not_stacked": "its fusion is not stackable"} if trial.cell == "mean" else {}),
        },
    )


@pytest.fixture(scope="session")
def make_study() -> Callable[..., tuple[Plan, list[TrainResult]]]:
    return _study


def _marks(picture: Picture) -> int:
    """Elements of a plot that show a number or a text of the data: not its axes, not its legend."""
    with house_style():
        panels = picture.draw().axes
    drawn = [
        np.isfinite(np.asarray(line.get_xydata(), dtype=float)).all(axis=1).any() for p in panels for line in p.lines
    ]
    return sum(drawn) + sum(len([*panel.patches, *panel.collections, *panel.texts]) for panel in panels)


@pytest.fixture(scope="session")
def marks_of() -> Callable[[Picture], int]:
    return _marks
