"""Train one trial, one at a time: the plain loop that every faster engine must agree with."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from .arithmetic import AVX512, is_active
from .checkpoints import Checkpoints
from .course import Course
from .devices import CPU, CUDA
from .feed import Feeds
from .generators import kept_generators, seed_generators
from .model import System
from .noise import ServedNoise
from .onlooker import Onlooker
from .optimisation import clip_gradients, make_optimizer, set_lr
from .spent import spent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from torch import Tensor

    from ..dataset import Dataset
    from ..results import TrainResult
    from .assignment import Assignment
    from .conditions import Batches

EVALUATION_ROWS = 1024
"""Rows of one evaluation pass; bounds memory, changes no number that matters."""


def fit(
    assignment: Assignment,
    data: Dataset,
    feeds: Feeds | None = None,
    *,
    because: str = "",
    checkpoints: Checkpoints | None = None,
) -> TrainResult:
    """Train, select on the validation rows, restore the best weights, and read the test rows once.

    `because`, why this trial is not part of a stack, goes into the provenance.

    A loss or prediction that is not finite makes the trial `diverged`; one predicted class for everything makes it
    `collapsed`. The state of torch's own generator, Python's and NumPy's is left as it was.
    """
    with kept_generators(), one_thread():
        result = Trial(assignment, data, feeds).run(checkpoints or Checkpoints(""))
    return replace(result, provenance={**result.provenance, "not_stacked": because}) if because else result


@contextmanager
def one_thread() -> Iterator[None]:
    """Small models on many threads are many times slower, and trials share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def provenance(system: System, engine: str) -> dict[str, Any]:
    """How a trial was trained."""
    device = next((parameter.device.type for parameter in system.parameters()), CPU)
    return {
        "torch": torch.__version__,
        "threads": 1,
        "device": device,
        **({"gpu": torch.cuda.get_device_name()} if device == CUDA else {}),
        "engine": engine,
        **({"arithmetic": AVX512} if is_active() else {}),
        "parameters": sum(p.numel() for p in system.parameters()),
    }


@torch.no_grad()
def predict(
    system: System,
    noise: ServedNoise,
    feed: Batches,
    rows: np.ndarray,
    epoch: int,
    *,
    kept: list[Tensor] | None = None,
) -> dict[str, np.ndarray]:
    """{task: (n, C) logits or (n,) values} of `rows` in evaluation mode; the fusion's weights (n, M) go to `kept`."""
    system.eval()
    parts: dict[str, list[Tensor]] = {task: [] for task in system.head}
    for chunk in torch.split(torch.from_numpy(rows), EVALUATION_ROWS):
        noise.begin(-1)
        seed_generators(noise.keys, -1)
        with noise:
            outputs, _ = system(feed.batch(chunk), epoch, -1)
        for task, values in outputs.predictions.items():
            parts[task].append(values.cpu())
        if kept is not None and outputs.fused.weights is not None:
            kept.append(outputs.fused.weights.cpu())
    return {task: torch.cat(values).numpy() for task, values in parts.items()}


class Trial:
    """One trial in progress."""

    def __init__(self, assignment: Assignment, data: Dataset, feeds: Feeds | None = None) -> None:
        settings = assignment.settings
        self.started = time.perf_counter()
        self.train_settings = settings.train
        self.feed = (feeds or Feeds(data)).feed(
            assignment.fold, settings.modalities, standardised=settings.dataset.standardise
        )
        self.system = System(settings, data, *assignment.stream).to(self.feed.device)
        self.noise = ServedNoise(*assignment.stream, "noise").attach(self.system)
        self.course = Course(assignment, self.feed, tuple(self.system.head))
        self.parameters = [p for p in self.system.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.train_settings, self.parameters)
        self.onlooker = Onlooker(assignment, self.system, self.feed, self.noise.site)
        self.best: dict[str, Tensor] = {}

    def run(self, checkpoints: Checkpoints) -> TrainResult:
        """All epochs, then the test."""
        course, key = self.course, self.course.assignment.key
        found = checkpoints.load(key)
        if found is not None:
            self._resume(*found)
        before = course.seconds
        while not course.over:
            if course.end_epoch(self._train_epoch(), self.predict):
                self.best = {name: value.detach().clone() for name, value in self._moving().items()}
            self.onlooker.end_epoch(course, self._gradients)
            course.seconds = before + time.perf_counter() - self.started
            if checkpoints.due(key):
                checkpoints.save(key, course.progress(), self._tensors())
        self._put(self.best)
        course.seconds = before + time.perf_counter() - self.started
        costs = spent(course.assignment, self.feed.data, self.feed)
        told = provenance(self.system, "one") | costs | self.onlooker.told(self._moments)
        return course.result(self.predict, told)

    def _moving(self) -> dict[str, Tensor]:
        """Weights and buffers, also those that a module keeps out of its `state_dict`."""
        return dict(self.system.named_parameters()) | dict(self.system.named_buffers())

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        """Copy `values` back to where they were taken from."""
        moving = self._moving()
        for name, value in values.items():
            moving[name].copy_(value)

    def _gradients(self) -> dict[str, Tensor | None]:
        """{parameter: its gradient in the last step}."""
        return {name: p.grad for name, p in self.system.named_parameters()}

    def _moments(self, which: str) -> dict[str, Tensor | None]:
        """{parameter: the `first` or `second` moment that the optimiser has of it}."""
        kind = "exp_avg_sq" if which == "second" else "momentum_buffer"
        return {name: self.optimizer.state.get(p, {}).get(kind) for name, p in self.system.named_parameters()}

    def _tensors(self) -> dict[str, Tensor]:
        """All that moves: weights, buffers, the optimiser's moments, and the best weights."""
        groups = {"now": self._moving(), "best": self.best}
        tensors = {f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{name}": value for name, value in moments.items()}
        return tensors

    def _resume(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        self.course.resume(state)
        groups: dict[str, dict[str, Tensor]] = {"now": {}, "best": {}, "optimizer": {}}
        for name, value in tensors.items():
            group, _, own = name.partition("/")
            groups[group][own] = value
        self._put(groups["now"])
        self.best = groups["best"]
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in groups["optimizer"].items():
            number, _, own = name.partition("/")
            moments.setdefault(int(number), {})[own] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})

    def _train_epoch(self) -> dict[str, float]:
        """Mean of the total and of each term over the epoch's steps."""
        self.system.train()
        course, epoch = self.course, self.course.epoch
        set_lr(self.optimizer, course.schedule.lr)
        sums: dict[str, float] = {}
        batches = course.batches()
        for rows in batches:
            self.noise.begin(course.step)
            seed_generators(self.noise.keys, course.step)
            with self.noise:
                outputs, batch = self.system(self.feed.batch(rows), epoch, course.step)
                total, terms = self.system.terms(outputs, batch)
            self._update(total)
            for name, value in (("loss", total), *((f"loss.{term}", value) for term, value in terms.items())):
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            course.step += 1
        return {name: value / len(batches) for name, value in sums.items()}

    def _update(self, total: Tensor) -> None:
        """One step of the optimiser; what `total` does not depend on has a gradient of zero."""
        self.optimizer.zero_grad(set_to_none=True)
        if total.requires_grad:
            torch.autograd.backward(total)
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            elif parameter.grad.is_sparse:  # neither clipping nor Adam takes what `nn.Embedding(sparse=True)` gives
                parameter.grad = parameter.grad.to_dense()
        clip_gradients(self.train_settings.clip, self.parameters)
        self.optimizer.step()

    def predict(
        self, rows: np.ndarray, epoch: int, feed: Batches | None = None, *, kept: list[Tensor] | None = None
    ) -> dict[str, np.ndarray]:
        """{task: (n, C) logits or (n,) values} of `rows` in evaluation mode; of `feed` in place of its own."""
        return predict(self.system, self.noise, feed or self.feed, rows, epoch, kept=kept)
