"""Results as tables read them: those that a plan holds, in its order, or those that a tidy frame tells of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.results import TrainResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from ..core.study.plan import Plan
    from .blocks import Block


def planned(results: Iterable[TrainResult], plan: Plan) -> list[TrainResult]:
    """The results that the plan holds, in its order: cells first, then seeds and folds as planned."""
    place = {cell.key: index for index, cell in enumerate(plan.cells)}
    turn = {trial.key: index for index, trial in enumerate(plan.trials)}
    last = {
        result.key: result for result in results if result.cell in place and (not turn or result.key in turn)
    }.values()
    return sorted(last, key=lambda result: (place[result.cell], turn.get(result.key, 0), result.seed, result.fold))


def recorded(told: pd.DataFrame | Sequence[TrainResult]) -> Sequence[TrainResult]:
    """Results as they are; of a tidy frame a result for each of its trials, with what it says of them."""
    if isinstance(told, Sequence):
        return told
    found: dict[str, TrainResult] = {}
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    columns = (told[name] for name in ("key", "cell", "seed", "fold", "state", "split", "metric", "value"))
    for key, cell, seed, fold, state, split, metric, value in zip(*columns, strict=True):
        if key not in found:
            metrics[key] = {}
            found[key] = TrainResult(str(key), str(cell), int(seed), str(fold), state, metrics=metrics[key])
        if split:
            metrics[key].setdefault(str(split), {})[str(metric)] = float(value)
    return list(found.values())


def splits_of(done: Iterable[TrainResult]) -> list[str]:
    """Every part and condition that some of them have a value on, in the order in which they name them."""
    return list(dict.fromkeys(split for one in done for split, scores in one.metrics.items() if split and scores))


def values_on(
    done: Iterable[TrainResult], split: str, metrics: Iterable[str]
) -> dict[tuple[str, str], dict[Block, float]]:
    """{(cell, metric): {(seed, fold): value}} of the split; a value that is no finite number is none."""
    wanted, none = frozenset(metrics), dict[str, float]()
    values: dict[tuple[str, str], dict[Block, float]] = {}
    for one in done:
        for metric, value in one.metrics.get(split, none).items():
            if metric in wanted and abs(value) < float("inf"):
                values.setdefault((one.cell, metric), {})[one.seed, one.fold] = float(value)
    return values


def states_of(results: Sequence[TrainResult], plan: Plan) -> dict[str, list[str]]:
    """{cell: state of each of its trials}: those planned, or those recorded where the plan names none."""
    state_of = {one.key: one.state for one in results}
    trials = [(trial.cell, trial.key) for trial in plan.trials] or [(one.cell, one.key) for one in results]
    states: dict[str, list[str]] = {}
    for cell, key in trials:
        states.setdefault(cell, []).append(state_of.get(key, "missing"))
    return states
