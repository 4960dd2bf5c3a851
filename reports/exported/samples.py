"""Predictions of every stored trial, a line for each row of the data and task."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ...core.predictions import read_predictions
from ..text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ...core.study.plan import Plan, PlannedTrial

COLUMNS = ("study", "cell", "label", "seed", "fold", "split", "task", "row", "target", "prediction", "key")
"""What every frame of predictions has; `score.CLASS` columns follow where there are classes."""


class Truth(NamedTuple):
    """What the rows of a data set really are."""

    targets: Mapping[str, NDArray[np.generic]]
    """{task: (N,)}."""
    labelled: Mapping[str, NDArray[np.bool_]]
    """{task: (N,)}."""
    groups: NDArray[np.generic] | None = None
    """(N,) rows that belong together."""
    classes: Mapping[str, tuple[str, ...]] = {}
    """{task: names of its classes}."""


def samples(
    plan: Plan, folder: Path, kept: Mapping[str, str], truth: Callable[[str], Truth | None] = lambda _: None
) -> pd.DataFrame:
    """Predictions of the trials in `kept`, {key: sha256 of their file}, read from `folder`, in the order of the plan.

    `prediction` is the class number with the highest logit, or the value; `row` counts the rows of the data set from 0;
    `target` is empty where `truth(cell)` does not know it. `score.0`, `score.1`, ... are the logits.
    Raises StoreError for a file that is missing or not what was written.
    """
    labels = {cell.key: plain(cell.label) for cell in plan.cells}
    parts = []
    for trial in plan.trials:
        if kept.get(trial.key):
            found = _tasks(read_predictions(folder, trial.key, kept[trial.key]))
            parts += [_part(plan.study, labels[trial.cell], trial, told, truth(trial.cell)) for told in found]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    every = pd.concat(parts, ignore_index=True)
    scores = sorted((name for name in every.columns if name.startswith("score.")), key=lambda name: int(name[6:]))
    return every[[*COLUMNS, *scores]]


class _Told(NamedTuple):
    """What a trial says of one task on one part of the data."""

    split: str
    task: str
    rows: NDArray[np.generic]
    outputs: NDArray[np.generic]


def _tasks(found: Mapping[str, NDArray[np.generic]]) -> Iterator[_Told]:
    """Each task of each part in a trial's predictions."""
    for name in sorted(found):
        split, _, task = name.rpartition("/")
        if task != "rows" and f"{split}/rows" in found:
            yield _Told(split, task, found[f"{split}/rows"], found[name])


def _part(study: str, label: str, trial: PlannedTrial, told: _Told, truth: Truth | None) -> pd.DataFrame:
    rows, outputs = told.rows, told.outputs
    classes = outputs.ndim > 1
    columns: dict[str, object] = {
        "study": study,
        "cell": trial.cell,
        "label": label,
        "seed": trial.seed,
        "fold": trial.fold,
        "split": told.split,
        "task": told.task,
        "row": rows,
        "target": _targets(rows, told.task, truth),
        "prediction": (outputs.argmax(axis=1) if classes else outputs).astype(np.float64),
        "key": trial.key,
    }
    if classes:
        columns |= {f"score.{number}": outputs[:, number] for number in range(outputs.shape[1])}
    return pd.DataFrame(columns)


def _targets(rows: NDArray[np.generic], task: str, truth: Truth | None) -> NDArray[np.float64]:
    """(n,) what the rows are; NaN where that is not known."""
    if truth is None or task not in truth.targets:
        return np.full(len(rows), np.nan)
    places = rows.astype(np.int64)
    return np.where(truth.labelled[task][places], truth.targets[task][places].astype(np.float64), np.nan)
