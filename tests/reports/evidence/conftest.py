"""Trained studies made by hand: cells with settings, and trials with curves, metrics and predictions."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from butfor.core.results import TrainResult
from butfor.core.study.plan import Plan, PlannedCell, PlannedMetric, PlannedTrial
from butfor.reports.evidence.seen import Seen

METRICS = (
    PlannedMetric(name="weighted_f1", higher_is_better=True, rate=True),
    PlannedMetric(name="accuracy", higher_is_better=True, rate=True),
    PlannedMetric(name="mse", higher_is_better=False),
)
Trials = Mapping[tuple[int, str], Mapping[str, Any]]
Made = Callable[..., Seen]


def _seen(cells: Mapping[str, Mapping[str, Any]], **plan: Any) -> Seen:
    """`{cell: {settings, differs, trials: {(seed, fold): fields of its result}}}`; the first is the baseline."""
    planned, results, predictions = [], [], {}
    for cell, told in cells.items():
        for (seed, fold), fields in told.get("trials", {}).items():
            key = f"{cell}/{seed}/{fold}"
            planned.append(PlannedTrial(key=key, cell=cell, seed=seed, fold=fold))
            results.append(TrainResult(key, cell, seed, fold, **{"state": "done", "selected_epoch": 3, **fields}))
            predictions[key] = results[-1].predictions
    made = Plan(
        study="small",
        baseline=next(iter(cells)),
        cells=tuple(
            PlannedCell(key=cell, label=cell, settings=told.get("settings", {}), differs=told.get("differs", {}))
            for cell, told in cells.items()
        ),
        trials=tuple(planned),
        metrics=METRICS,
        **plan,
    )
    return Seen(made, results, lambda key: predictions.get(key, {}))


@pytest.fixture(name="seen", scope="session")
def _made() -> Made:
    return _seen
