"""What training would cost: parameters and FLOPs of every cell, time from a few real steps, and room on the disk.

Only an estimate: trials one after another, every epoch of them, as if no patience ran out, on a machine that is as busy
as it is now. What trains in stacks is faster.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode

from .rehearse import Stage, feed_of, one_thread
from .structure import structure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..dataset import Dataset
    from ..splits import Fold
    from ..study.cell import Cell
    from ..study.study import Study
    from .work import Shelf

STEPS = 3
"""Steps that are timed, after one that is not."""
EVALUATION_ROWS = 1024
_ROW_BYTES = 4096
"""Of a result in the store, its curve and settings with it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one trial of a cell costs."""

    parameters: int
    """Numbers that are trained."""
    flops: int
    """Floating point operations of one row forward, as torch counts them (matrix products and convolutions)."""
    seconds: float
    """Of one trial on one core, all its epochs."""
    bytes: int
    """On the disk: its predictions and its row in the store."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a structure shows, whatever the number of rows and epochs."""

    parameters: int
    flops: int
    step: float
    pass_: float
    """Seconds of one row in evaluation."""


def estimate(study: Study, shelf: Shelf) -> Mapping[str, Cost]:
    """{key of the cell: cost of one of its trials}; each structure is measured once."""
    known: dict[str, _Measured] = {}
    costs: dict[str, Cost] = {}
    with one_thread():
        for cell in study.cells:
            data = shelf.data(cell.settings.dataset, cell.folder)
            fold = shelf.folds(cell.settings.dataset, cell.settings.splits, cell.folder)[0]
            key = structure(cell.settings)
            if key not in known:
                known[key] = _measure(cell, data, fold)
            costs[cell.key] = _cost(cell, data, fold, known[key], len(study.conditions_of(cell)))
    return costs


def _measure(cell: Cell, data: Dataset, fold: Fold) -> _Measured:
    stage = Stage(cell, data, fold, feed_of(cell, data, fold))
    parameters = [parameter for parameter in stage.system.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.0)
    rows = torch.from_numpy(fold.train[: cell.settings.train.batch_size])

    def step() -> None:
        total = stage.step(rows)[1]
        optimizer.zero_grad()
        if total.requires_grad:
            torch.autograd.backward(total)
            optimizer.step()

    seen = torch.from_numpy(fold.train[:EVALUATION_ROWS])

    def evaluate() -> None:
        with torch.no_grad(), stage.noise:
            stage.forward(seen, training=False)

    with FlopCounterMode(display=False) as counter:
        evaluate()
    numbers = sum(parameter.numel() for parameter in parameters)
    return _Measured(numbers, counter.get_total_flops() // len(seen), _timed(step), _timed(evaluate) / len(seen))


def _timed(work: Callable[[], None]) -> float:
    """Seconds of the quickest of a few times, after one that is not counted."""
    work()
    best = math.inf
    for _ in range(STEPS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def _cost(cell: Cell, data: Dataset, fold: Fold, measured: _Measured, conditions: int) -> Cost:
    train = cell.settings.train
    steps = max(1, len(fold.train) // train.batch_size)
    test = sum(len(rows) for rows in fold.tests.values())
    tested = test + len(fold.valid)
    seconds = train.epochs * (steps * measured.step + len(fold.valid) * measured.pass_)
    seconds += (tested + conditions * test) * measured.pass_
    outputs = sum(task.num_outputs for task in data.tasks.values())
    return Cost(measured.parameters, measured.flops, seconds, _ROW_BYTES + tested * (8 + 4 * outputs))
