"""One step of every cell, forward and back, on a few rows of the real data; nothing is trained.

This is the only place of checking that runs the engine: `Stage` holds a system and a batch.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..study.fit import place_of
from ..study.problems import Problems
from .blame import Parts
from .conditions import Disturbed, strongest
from .feed import Feed
from .model import System
from .noise import ServedNoise
from .promises import BrokenPromiseError, watch
from .structure import structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from ..batch import Batch, Outputs
    from ..catalogue import Catalogue
    from ..conditions import Condition
    from ..dataset import Dataset
    from ..errors import Finding
    from ..splits import Fold
    from ..study.cell import Cell
    from ..study.study import Study
    from .conditions import Batches
    from .work import Shelf

ROWS = 16
"""Rows of the rehearsal's batch."""


@contextmanager
def one_thread() -> Iterator[None]:
    """A cell at a time on one thread, as in training; torch's generator is left as it was."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


class Stage:
    """A cell's system with some training rows of its first fold."""

    def __init__(self, cell: Cell, data: Dataset, fold: Fold, feed: Feed) -> None:
        self.cell = cell
        self.system = _moved(System(cell.settings, data, "rehearsal"))
        self.noise = ServedNoise("rehearsal").attach(self.system)
        self.feed = feed
        self.rows = torch.from_numpy(_rows(data, fold, min(ROWS, cell.settings.train.batch_size)))
        self.epoch = cell.settings.train.epochs - 1

    def forward(self, rows: Tensor, *, training: bool, feed: Batches | None = None) -> tuple[Outputs, Batch]:
        """The outputs in the last epoch, when every schedule has come as far as it will; of `feed`, if it is given."""
        self.system.train(training)
        self.noise.begin(0)
        outputs, batch = self.system((feed or self.feed).batch(rows), self.epoch, 0)
        return outputs, batch

    def step(self, rows: Tensor) -> tuple[Outputs, Tensor, dict[str, Tensor]]:
        """Outputs, total and terms of a training step."""
        with self.noise:
            outputs, batch = self.forward(rows, training=True)
            return (outputs, *self.system.terms(outputs, batch))


def _moved(system: System) -> System:
    """The system with every parameter a little off its initial value: a layer that starts at zero hides nothing."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in system.parameters():
            size = 0.1 * float(parameter.std(correction=0)) + 1e-3
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=size)
    return system


def feed_of(cell: Cell, data: Dataset, fold: Fold) -> Feed:
    """The rows of a fold as the modalities of a cell see them."""
    settings = cell.settings
    return Feed(data, fold, settings.modalities, standardised=settings.dataset.standardise)


def _rows(data: Dataset, fold: Fold, most: int) -> np.ndarray:
    """Training rows, spread evenly, among them some with each label and each modality that there is."""
    wanted = [*data.labelled.values(), *data.present.values()]
    least = [_spread(fold.train[mask[fold.train]], 2) for mask in wanted]
    rows = np.concatenate([_spread(fold.train, max(2, most - 2 * len(least))), *least])
    return np.unique(rows).astype(np.int64)


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)] if len(rows) else rows


def rehearse(study: Study, catalogue: Catalogue, shelf: Shelf) -> tuple[Finding, ...]:
    """What one step of every distinct system shows; cells that differ only in knobs and training share one."""
    problems = Problems()
    groups: dict[str, list[Cell]] = {}
    for cell in study.cells:
        groups.setdefault(structure(cell.settings), []).append(cell)
    feeds: dict[str, Feed] = {}
    with one_thread():
        for cells in groups.values():
            first = cells[0]
            data = shelf.data(first.settings.dataset, first.folder)
            fold = shelf.folds(first.settings.dataset, first.settings.splits, first.folder)[0]
            read = f"{first.data_key} {first.settings.modalities}"
            if read not in feeds:
                feeds[read] = feed_of(first, data, fold)
            conditions = [condition for cell in cells for condition in study.conditions_of(cell)]
            found = _Rehearsal(first, catalogue).play(data, fold, feeds[read], strongest(conditions))
            for cell in cells:
                problems.cell = cell.label
                problems.take(found)
    return tuple(problems.known.values())


class _Rehearsal:
    """The rehearsal of one cell, and what goes wrong in it."""

    def __init__(self, cell: Cell, catalogue: Catalogue) -> None:
        self.cell = cell
        self.parts = Parts(cell.settings, catalogue)
        self.problems = Problems()

    def play(self, data: Dataset, fold: Fold, feed: Feed, conditions: Iterable[Condition] = ()) -> tuple[Finding, ...]:
        """One step, forward and back, and one pass in evaluation, clean and under each of the conditions."""
        stage: Stage | None = None
        doing = ("is being built", "BF411")
        try:
            stage = Stage(self.cell, data, fold, feed)
            watch(stage.system)
            doing = ("runs in training", "BF501")
            outputs, total, terms = stage.step(stage.rows)
            _check_predictions(outputs)
            doing = ("is differentiated", "BF504")
            reaches = {term: _reaches(value, outputs, stage.system.losses[term]) for term, value in terms.items()}
            if total.requires_grad:
                torch.autograd.backward(total)
            doing = ("runs in evaluation", "BF501")
            with torch.no_grad(), stage.noise:
                stage.forward(stage.rows, training=False)
                for condition in conditions:
                    doing = (f"runs in evaluation under {condition.name}", "BF501")
                    _check_under(stage, Disturbed(feed, condition, 0, fold.name))
        except BrokenPromiseError as error:
            told = self.parts.at(error.path).told
            self._add(error.path, f"{told} {error}", error.code)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is told of, not thrown
            self._raised(error, stage, *doing)
        else:
            self._unreached(stage, reaches)
        return tuple(self.problems.known.values())

    def _add(self, path: str, message: str, code: str) -> None:
        self.problems.add(place_of(self.cell.node, path or "baseline"), message, path, code=code)

    def _raised(self, error: Exception, stage: Stage | None, doing: str, code: str) -> None:
        blame = self.parts.blamed(error, stage.system if stage is not None else None)
        first = str(error).strip().partition("\n")[0]
        where = f" ({blame.where})" if blame.where else ""
        message = f"{blame.told} raises {type(error).__name__} while it {doing}: {first}{where}"
        self._add(blame.path, message, code)

    def _unreached(self, stage: Stage, reaches: dict[str, bool]) -> None:
        for term, reached in reaches.items():
            if not reached and stage.system.cell.losses[term].weight > 0:
                path = f"losses.{term}"
                told = self.parts.at(path).told
                self._add(path, f"the gradient of {told} reaches no parameter", "BF505")
        self._check_gradients(stage)

    def _check_gradients(self, stage: Stage) -> None:
        """Gradients that are not finite: one finding."""
        for name, parameter in stage.system.named_parameters():
            if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
                part = self.parts.at(name)
                self._add(part.path, f"the gradient of {part.told} has NaN or infinity, first in {name}", "BF503")
                return


def _check_predictions(outputs: Outputs) -> None:
    for task, values in outputs.predictions.items():
        if not bool(torch.isfinite(values).all()):
            raise BrokenPromiseError("head", f"gives NaN or infinity for '{task}'", "BF503")


def _check_under(stage: Stage, disturbed: Disturbed) -> None:
    """That the system predicts under a condition that leaves it something."""
    if disturbed.applies() and not disturbed.leaves_nothing(stage.rows.numpy()):
        _check_predictions(stage.forward(stage.rows, training=False, feed=disturbed)[0])


def _reaches(value: Tensor, outputs: Outputs, loss: torch.nn.Module) -> bool:
    """Whether the gradient of a term leaves it: to its parameters, a prediction, the fused vector or an encoding."""
    if not value.requires_grad:
        return False
    encoded = [part for one in outputs.encoded.values() for part in one if isinstance(part, torch.Tensor)]
    ends = [*loss.parameters(), *outputs.predictions.values(), outputs.fused.vector, *encoded]
    ends = [end for end in ends if end.requires_grad]
    grads = torch.autograd.grad(value, ends, retain_graph=True, materialize_grads=True) if ends else ()
    return any(bool(grad.any()) for grad in grads)
