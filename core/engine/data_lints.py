"""What data and folds allow to conclude: groups in two parts, copies of test rows, what a selection rewards."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from ..metrics import metric_names
from ..selection import Selection
from ..splits import leaks
from ..streams import numpy_stream
from ..study.fit import place_of
from ..study.problems import Problems

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..errors import Finding
    from ..splits import Fold
    from ..study.cell import Cell
    from ..study.plan import PlannedMetric
    from ..study.study import Study
    from .work import Shelf

_DRAWS = 64
_STEP = 0.01


def lint_data(study: Study, shelf: Shelf) -> tuple[Finding, ...]:
    """Warnings and notes on the data of every cell; each once, whichever cells share it."""
    problems, seen = Problems(), set()
    for cell in study.cells:
        problems.cell = cell.label
        data = shelf.data(cell.settings.dataset, cell.folder)
        folds = shelf.folds(cell.settings.dataset, cell.settings.splits, cell.folder)
        if cell.data_key not in seen:
            seen.add(cell.data_key)
            _groups(cell, data, folds, problems)
            _copies(cell, data, folds, problems)
        _batches(cell, folds, problems)
        _rewarded(cell, data, problems)
    return tuple(problems.known.values())


def _groups(cell: Cell, data: Dataset, folds: tuple[Fold, ...], problems: Problems) -> None:
    told = [leak for fold in folds for leak in leaks(data, fold)]
    if told:
        more = f"; and {len(told) - 1} more such pairs of parts" if len(told) > 1 else ""
        problems.add(place_of(cell.node, "splits"), f"{told[0]}{more}", "splits", code="BF603")


def _copies(cell: Cell, data: Dataset, folds: tuple[Fold, ...], problems: Problems) -> None:
    """Rows whose features are equal in every modality, in the training part and in a test part of one fold."""
    prints = _prints(data)
    for fold in folds:
        trained = set(prints[fold.train].tolist())
        for name, rows in fold.tests.items():
            copies = sum(found in trained for found in prints[rows].tolist())
            if copies:
                message = (
                    f"fold '{fold.name}': {copies} of {len(rows)} rows of {name} stand in the training part as well"
                )
                problems.add(place_of(cell.node, "dataset"), message, "dataset", code="BF613")
                return


def _prints(data: Dataset) -> np.ndarray:
    """(N,) a fingerprint of each row's features; rows without any feature that differs from 0 are all different."""
    found = []
    for row in range(len(data)):
        parts = [x[row] for x in data.features.values()]
        empty = not any(part.any() for part in parts)
        text = str(row).encode() if empty else b"".join(part.tobytes() for part in parts)
        found.append(hashlib.blake2b(text, digest_size=16).hexdigest())
    return np.array(found)


def _batches(cell: Cell, folds: tuple[Fold, ...], problems: Problems) -> None:
    fewest = min(len(fold.train) for fold in folds)
    size = cell.settings.train.batch_size
    if size > fewest:
        message = f"batches of {size} are larger than a training part of {fewest} rows"
        problems.add(place_of(cell.node, "train.batch_size"), message, "train.batch_size", code="BF612")


def _rewarded(cell: Cell, data: Dataset, problems: Problems) -> None:
    """Metrics that the selection drives the wrong way, or in a direction that changes with their values."""
    known = metric_names(data.tasks, tuple(data.tasks))
    selection = Selection.parse(cell.settings.train.select, known)
    for metric in known:
        if metric.name in selection.metrics and (wrong := _wrong_way(selection, metric)):
            better = "more" if metric.higher_is_better else "less"
            message = f"'{selection.text}' {wrong} when {metric.name} gets worse; {better} is better"
            problems.add(place_of(cell.node, "train.select"), message, "train.select", code="BF606")


def _wrong_way(selection: Selection, metric: PlannedMetric) -> str:
    """`grows` or `grows at times` where the score grows as the metric gets worse, over fixed random values of all."""
    draw = numpy_stream("lint", selection.text)
    worse = -_STEP if metric.higher_is_better else _STEP
    grown = []
    for _ in range(_DRAWS):
        values = {name: float(draw.uniform(0.1, 0.9)) for name in selection.metrics}
        moved = values | {metric.name: values[metric.name] + worse}
        grown.append(selection.score(moved) > selection.score(values))
    return "grows" if all(grown) else "grows at times" if any(grown) else ""
