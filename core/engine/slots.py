"""Which trial has which row of a stack: long ones first, free rows filled at once, the stack halved at the end."""

from __future__ import annotations

import time
from collections import deque
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_leaves

from ..failures import is_out_of_memory
from .checkpoints import Checkpoints
from .compiled import ROWS
from .course import Course
from .devices import CPU, GPU_ROWS
from .generators import kept_generators
from .loop import one_thread, predict, provenance
from .model import System
from .noise import ServedNoise, Site
from .onlooker import Onlooker
from .row_update import recipe, update
from .spent import size_of, spent
from .stack import RowStep, Stack, draws_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from ..results import TrainResult
    from ..study.settings import CellSettings
    from .assignment import Assignment
    from .conditions import Batches
    from .feed import Feed, Feeds
    from .row_update import Recipe

LEAST = 2
"""Rows of the smallest stack: a single row takes other kernels, and other bits."""
MOST = 64
"""Rows of the largest stack: beyond it a step gets no cheaper."""
ROOM = 2**29
"""Bytes for all that a stack keeps of its rows: weights, gradients, moments, buffers, inputs and noise."""


class Slot:
    """A trial in its row."""

    def __init__(self, assignment: Assignment, feed: Feed, system: System) -> None:
        self.assignment = assignment
        self.feed = feed
        self.system = system
        self.noise = ServedNoise(*assignment.stream, "noise").attach(system)
        self.course = Course(assignment, feed, tuple(system.head))
        self.onlooker = Onlooker(assignment, system, feed, self.noise.site)
        self.best: dict[str, torch.Tensor] = {}
        self.batches: list[torch.Tensor] = []
        self.done = 0

    def inputs(self, row: int) -> RowStep:
        """Those of the next step, in `row`."""
        rows, course = self.batches[self.done], self.course
        left = self.system.left(self.feed.recorded[rows], course.epoch, course.step)
        return RowStep(row, self.feed, rows, left, self.noise.keys, course.step)

    def recipe(self) -> Recipe:
        """How the next step moves the weights."""
        return recipe(self.course.train, self.course.schedule.lr, fresh=self.course.step == 0)

    def predict(
        self, rows: np.ndarray, epoch: int, feed: Batches | None = None, *, kept: list[torch.Tensor] | None = None
    ) -> dict[str, np.ndarray]:
        """{task: values} of `rows` in evaluation mode, with the weights of the row; of `feed` in place of its own."""
        return predict(self.system, self.noise, feed or self.feed, rows, epoch, kept=kept)


class Slots:
    """Trains assignments as a stack: those of one structure, or of several that may share the program of `whole`."""

    def __init__(
        self,
        assignments: Sequence[Assignment],
        feeds: Feeds,
        most: int = MOST,
        checkpoints: Checkpoints | None = None,
        whole: CellSettings | None = None,
        *,
        compiling: bool = False,
    ) -> None:
        self._compiling = compiling
        self._rows = ROWS if compiling else GPU_ROWS if feeds.device != CPU else 0
        self._checkpoints = checkpoints or Checkpoints("")
        self._feeds = feeds
        self._pending = deque(sorted(assignments, key=_length, reverse=True))
        self._whole = whole or assignments[0].settings
        self._steps = self._used = 0
        self._error: Exception | None = None
        self._most = most
        self._slots: list[Slot | None] = []

    def _open(self) -> None:
        """A stack for the pending trials."""
        first = self._pending[0]
        system = System(self._whole, self._feeds.data, *first.stream).to(self._feeds.device)
        feed = self._feed(first, self._whole)
        size = feed.batch_size(first.settings.train.batch_size)
        room = self._most if self._rows else ROOM // _row_bytes(system, feed, size)
        width = self._rows or _width(len(self._pending), min(self._most, max(LEAST, room)))
        self._stack = Stack(width, system, feed, size, compiling=self._compiling)
        self._slots = [None] * width

    def _halve(self) -> bool:
        """Begin again with half the rows; if there are rows to lose. What was trained is trained again."""
        if not self._can_halve:
            return False
        self._pending.extendleft(slot.assignment for _, slot in reversed(self._live()))
        self._most = max(LEAST, (len(self._slots) or min(self._most, len(self._pending))) // 2)
        if self._slots:
            del self._stack
        self._slots = []
        return True

    @property
    def _can_halve(self) -> bool:
        return (len(self._slots) or min(self._most, len(self._pending))) > LEAST and not self._rows

    def _feed(self, assignment: Assignment, settings: CellSettings) -> Feed:
        return self._feeds.feed(assignment.fold, settings.modalities, standardised=settings.dataset.standardise)

    def run(self) -> Iterator[TrainResult]:
        """Results as trials end. The first error of a trial is raised when all the others have ended."""
        with kept_generators(), one_thread():
            while self._pending or self._live():
                try:
                    yield from self._advance()
                except Exception as error:
                    if not (is_out_of_memory(error) and self._halve()):
                        raise
        if self._error is not None:
            raise self._error

    def _advance(self) -> Iterator[TrainResult]:
        """One step of all rows, and the results of those that have come to their end with it."""
        if not self._slots:
            self._open()
        self._fill()
        started = time.perf_counter()
        self._step()
        ended = [row for row, slot in self._live() if slot.done == len(slot.batches)]
        self._share(time.perf_counter() - started)
        for row in ended:
            yield from self._end_epoch(row)

    def _live(self) -> list[tuple[int, Slot]]:
        return [(row, slot) for row, slot in enumerate(self._slots) if slot is not None]

    def _share(self, seconds: float) -> None:
        live = self._live()
        self._steps += len(self._slots)
        self._used += len(live)
        for _, slot in live:
            slot.course.seconds += seconds / len(live)

    def _fill(self) -> None:
        """Give every free row a trial while there are any; halve the stack when half of it is free for good."""
        for row, slot in enumerate(self._slots):
            if slot is None and self._pending:
                self._start(row, self._pending[0])
                self._pending.popleft()
        live = [row for row, _ in self._live()]
        num = len(self._slots)
        while num // 2 >= max(LEAST, len(live)):
            num //= 2
        if live and num < len(self._slots) and not self._rows:
            free = [row for row, slot in enumerate(self._slots) if slot is None]
            chosen = sorted([*live, *free[: num - len(live)]])
            self._slots = [self._slots[row] for row in chosen]
            self._stack.narrow(chosen)
            for row, slot in self._live():
                self._stack.rows.point(row, slot.system)

    def _start(self, row: int, assignment: Assignment) -> None:
        started = time.perf_counter()
        system = System(assignment.settings, self._feeds.data, *assignment.stream)
        slot = Slot(assignment, self._feed(assignment, assignment.settings), system)
        self._stack.rows.load(row, system)
        self._stack.admit(row, assignment.settings.modalities)
        found = self._checkpoints.load(assignment.key)
        if found is not None:
            state, tensors = found
            slot.course.resume(state)
            self._stack.rows.put(row, tensors)
            slot.best = self._stack.rows.kept(row, tensors)
        self._begin_epoch(row, slot)
        self._slots[row] = slot
        slot.course.seconds += time.perf_counter() - started

    def _begin_epoch(self, row: int, slot: Slot) -> None:
        slot.system.train()
        slot.batches, slot.done = slot.course.batches(), 0
        epoch = slot.course.epoch
        self._stack.set_row(row, epoch, slot.system.weights(epoch))

    def _step(self) -> None:
        live = self._live()
        self._stack.fill(slot.inputs(row) for row, slot in live)
        self._stack.step(self._ahead)
        update(self._stack.rows, ((row, slot.recipe()) for row, slot in live))
        for _, slot in live:
            slot.course.step += 1
            slot.done += 1

    def _ahead(self) -> int:
        """Passes that may still come, of this many rows: all of them, where no trial stops early."""
        left = [_length(slot.assignment) - slot.course.step for _, slot in self._live()]
        return max(left, default=0) + sum(map(_length, self._pending)) // len(self._slots)

    def _end_epoch(self, row: int) -> Iterator[TrainResult]:
        """Evaluate a row; yield its result and free it where its trial is over."""
        slot = self._slots[row]
        assert slot is not None
        started = time.perf_counter()
        try:
            if slot.course.end_epoch(self._means(row, slot), slot.predict):
                slot.best = self._stack.rows.keep(row)
            slot.onlooker.end_epoch(slot.course, lambda: self._stack.rows.of("gradients", row))
            slot.course.seconds += time.perf_counter() - started
            if not slot.course.over:
                self._save(row, slot)
                self._begin_epoch(row, slot)
                return
            if slot.best:
                self._stack.rows.restore(row, slot.best)
            result = slot.course.result(slot.predict, self._provenance(row, slot))
        except Exception as error:
            if is_out_of_memory(error) and self._can_halve:
                raise
            self._error = self._error or error
            self._slots[row] = None
            return
        self._slots[row] = None
        yield result

    def _means(self, row: int, slot: Slot) -> dict[str, float]:
        """The mean loss of the epoch, and that of each term that the trial has."""
        own = {"loss", *(f"loss.{term}" for term in slot.assignment.settings.losses)}
        means = (self._stack.sums[row] / len(slot.batches)).tolist()
        return {name: mean for name, mean in zip(self._stack.terms, means, strict=True) if name in own}

    def _save(self, row: int, slot: Slot) -> None:
        """Keep a trial that has trained for long since it was last kept."""
        if self._checkpoints.due(slot.assignment.key):
            rows = self._stack.rows
            self._checkpoints.save(slot.assignment.key, slot.course.progress(), rows.saved(row) | rows.named(slot.best))

    def _provenance(self, row: int, slot: Slot) -> dict[str, Any]:
        seen = slot.onlooker.told(lambda moment: self._stack.rows.of(moment, row))
        costs = spent(slot.assignment, self._feeds.data, slot.feed)
        used = {"slot_use": round(self._used / max(1, self._steps), 4)}
        if self._compiling and not self._stack.not_compiled:
            return provenance(slot.system, "compiled") | costs | used | seen
        told = {"not_compiled": self._stack.not_compiled} if self._compiling else {}
        return provenance(slot.system, "stack") | costs | used | told | seen


def _length(assignment: Assignment) -> int:
    """Steps of a trial that never stops early."""
    train = assignment.settings.train
    return train.epochs * max(1, len(assignment.fold.train) // train.batch_size)


def _row_bytes(system: System, feed: Feed, batch_size: int) -> int:
    """What a stack keeps of each row: weights, gradients, two moments, buffers, the inputs of a step and its noise."""
    trained = [parameter for parameter in system.parameters() if parameter.requires_grad]
    frozen = [parameter for parameter in system.parameters() if not parameter.requires_grad]
    inputs = {id(x): x for x in tree_leaves(feed.batch(torch.zeros(batch_size, dtype=torch.int64)))}
    noise = sum(prod(draw.shape) * draw.dtype.itemsize for draw in draws_of(system, feed, batch_size, Site()))
    return max(1, 4 * size_of(trained) + size_of([*frozen, *system.buffers(), *inputs.values()]) + noise)


def _width(trials: int, most: int) -> int:
    """Rows for so many trials: as many as there are, or equal waves of at most `most`."""
    waves = -(-trials // most)
    return max(LEAST, -(-trials // waves))
