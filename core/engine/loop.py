"""Train one trial, one at a time: the plain loop that every faster engine must agree with."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import TrainingError
from ..metrics import evaluate, metric_names, owners_of
from ..results import TrainResult
from ..selection import Selection
from .feed import Feed
from .model import System
from .noise import ServedNoise
from .optimisation import Schedule, Stopper, clip_gradients, make_optimizer

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from torch import Tensor

    from ..dataset import Dataset
    from ..results import State
    from ..splits import Fold
    from ..study.settings import CellSettings

EVALUATION_ROWS = 1024
"""Rows of one evaluation pass; bounds memory, changes no number that matters."""


@dataclass(frozen=True)
class Assignment:
    """What to train: a cell's settings, with one seed, on one fold."""

    key: str
    cell: str
    settings: CellSettings
    seed: int
    fold: Fold


@dataclass
class _Outcome:
    """How far training came."""

    state: State
    message: str
    curve: list[dict[str, float]]
    stopper: Stopper


def fit(assignment: Assignment, data: Dataset) -> TrainResult:
    """Train, select on the validation rows, restore the best weights, and read the test rows once.

    A loss or prediction that is not finite makes the trial `diverged`; one predicted class for everything makes it
    `collapsed`. The state of torch's own generator is left as it was.
    """
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]), _one_thread():
        trial = Trial(assignment, data)
        outcome = trial.train()
        metrics, predictions = trial.test() if outcome.state == "done" else ({}, {})
    state, message = outcome.state, outcome.message
    if state == "done":
        state, message = _judge(trial, predictions)
    return TrainResult(
        key=assignment.key,
        cell=assignment.cell,
        seed=assignment.seed,
        fold=assignment.fold.name,
        state=state,
        message=message,
        metrics=metrics,
        curve=tuple(outcome.curve),
        selected_epoch=outcome.stopper.best_epoch,
        seconds=time.perf_counter() - started,
        predictions=predictions,
        provenance={
            "torch": torch.__version__,
            "threads": 1,
            "device": "cpu",
            "parameters": sum(p.numel() for p in trial.system.parameters()),
            "epochs": len(outcome.curve),
        },
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small models on many threads are many times slower, and trials share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Trial:
    """One trial in progress."""

    def __init__(self, assignment: Assignment, data: Dataset) -> None:
        self.settings = assignment.settings
        self.train_settings = self.settings.train
        self.stream = (assignment.seed, assignment.fold.name)
        self.feed = Feed(
            data, assignment.fold, self.settings.modalities, standardised=self.settings.dataset.standardise
        )
        self.system = System(self.settings, data, *self.stream)
        self.noise = ServedNoise(*self.stream, "noise").attach(self.system)
        self.tasks = dict(data.tasks)
        known = metric_names(self.tasks, tuple(self.system.head))
        self.selection = Selection.parse(self.train_settings.select, known)
        self.watched = {*self.selection.metrics, *(metric.name for metric in known[: len(self.system.head)])}
        self.parameters = [p for p in self.system.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.train_settings, self.parameters)
        self.schedule = Schedule(self.train_settings, self.optimizer)
        self.step = 0
        self.unscored = ""

    def train(self) -> _Outcome:
        """All epochs; the best weights are in the system at the end."""
        settings = self.train_settings
        stopper = Stopper(settings.patience, settings.min_delta)
        outcome = _Outcome("done", "", [], stopper)
        best: dict[str, Tensor] = {}
        for epoch in range(settings.epochs):
            losses = self._train_epoch(epoch)
            outcome.curve.append(losses)
            if not math.isfinite(losses["loss"]):
                bad = [name for name, value in losses.items() if not math.isfinite(value)]
                return _diverged(outcome, f"{', '.join(bad)} not finite in epoch {epoch}")
            predictions = self.predict(self.feed.fold.valid, epoch)
            if not all(np.isfinite(x).all() for x in predictions.values()):
                return _diverged(outcome, f"predictions not finite in epoch {epoch}")
            metrics = self._metrics(predictions, self.feed.fold.valid, self.watched)
            score = self._score(metrics)
            losses.update({f"valid.{name}": value for name, value in metrics.items()}, select=score)
            if stopper.improved(epoch, score):
                best = {name: value.clone() for name, value in self.system.state_dict().items()}
            self.schedule.step(score)
            if stopper.stop:
                break
        if not best:
            raise TrainingError(self.unscored or f"'{settings.select}' was not finite in any epoch")
        self.system.load_state_dict(best)
        return outcome

    def _score(self, metrics: Mapping[str, float]) -> float:
        """The selection's score; minus infinity where an epoch (one constant prediction, say) has none."""
        try:
            return self.selection.score(metrics)
        except TrainingError as error:
            self.unscored = str(error)
            return -math.inf

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        """Mean of the total and of each term over the epoch's steps, and the learning rate."""
        self.system.train()
        sums: dict[str, float] = {}
        steps = 0
        lr = self.schedule.lr
        for rows in self.feed.training_rows(epoch, self.train_settings.batch_size, *self.stream):
            self.noise.begin(self.step)
            with self.noise:
                outputs, batch = self.system(self.feed.batch(rows), epoch, self.step)
                total, terms = self.system.terms(outputs, batch)
            self.optimizer.zero_grad(set_to_none=True)
            if total.requires_grad:
                torch.autograd.backward(total)
                clip_gradients(self.train_settings.clip, self.parameters)
                self.optimizer.step()
            for name, value in (("loss", total), *((f"loss.{term}", value) for term, value in terms.items())):
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            self.step += 1
            steps += 1
        return {"lr": lr} | {name: value / steps for name, value in sums.items()}

    @torch.no_grad()
    def predict(self, rows: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        """{task: (n, C) logits or (n,) values} of `rows` in evaluation mode."""
        self.system.eval()
        parts: dict[str, list[Tensor]] = {task: [] for task in self.system.head}
        for chunk in torch.split(torch.from_numpy(rows), EVALUATION_ROWS):
            self.noise.begin(-1)
            with self.noise:
                outputs, _ = self.system(self.feed.batch(chunk), epoch, -1)
            for task, values in outputs.predictions.items():
                parts[task].append(values)
        return {task: torch.cat(values).numpy() for task, values in parts.items()}

    def _metrics(
        self, predictions: Mapping[str, np.ndarray], rows: np.ndarray, only: Container[str] | None = None
    ) -> dict[str, float]:
        targets = {task: self.feed.targets[task].numpy()[rows] for task in predictions}
        labelled = {task: self.feed.labelled[task].numpy()[rows] for task in predictions}
        return evaluate(self.tasks, predictions, targets, labelled, only)

    def test(self) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray]]:
        """Metrics of validation and test rows with the selected weights, and the predictions they come from."""
        metrics: dict[str, dict[str, float]] = {}
        kept: dict[str, np.ndarray] = {}
        for split, rows in (("valid", self.feed.fold.valid), *self.feed.fold.tests.items()):
            predictions = self.predict(rows, self.train_settings.epochs)
            finite = all(np.isfinite(values).all() for values in predictions.values())
            metrics[split] = self._metrics(predictions, rows) if finite else {}
            kept[f"{split}/rows"] = rows
            kept |= {f"{split}/{task}": values for task, values in predictions.items()}
        return metrics, kept


def _diverged(outcome: _Outcome, message: str) -> _Outcome:
    return _Outcome("diverged", message, outcome.curve, outcome.stopper)


def _judge(trial: Trial, predictions: Mapping[str, np.ndarray]) -> tuple[State, str]:
    """`diverged` for predictions that are not finite; `collapsed` when every row of every split gets one class.

    Only a task that the selection reads, and whose labels differ, can collapse a trial.
    """
    for name, values in predictions.items():
        if not np.isfinite(values).all():
            return "diverged", f"predictions of {name} not finite at the selected epoch"
    for task in owners_of(trial.tasks, trial.selection.metrics):
        logits = [values for name, values in predictions.items() if name.partition("/")[2] == task]
        rows = np.concatenate([values for name, values in predictions.items() if name.endswith("/rows")])
        known = rows[trial.feed.labelled[task].numpy()[rows]]
        labels = trial.feed.targets[task].numpy()[known]
        if trial.tasks[task].kind != "classes" or len(np.unique(labels)) < 2:  # noqa: PLR2004 - nothing to tell apart
            continue
        chosen = np.unique(np.concatenate([values.argmax(axis=1) for values in logits]))
        if len(chosen) == 1:
            return "collapsed", f"every row is predicted '{trial.tasks[task].classes[int(chosen[0])]}'"
    return "done", ""
