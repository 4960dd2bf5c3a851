"""The course of one trial: its epochs, its selection, its learning rate, and when it ends. Holds no model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..conditions import split_under
from ..errors import TrainingError
from ..metrics import evaluate, metric_names, owners_of
from ..results import TrainResult
from ..selection import Selection
from .conditions import Disturbed
from .optimisation import Schedule, Stopper

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from torch import Tensor

    from ..results import State
    from .assignment import Assignment
    from .conditions import Predict
    from .feed import Feed


class Course:
    """What an engine asks at every epoch, and what it is told at the end; the same for every engine."""

    def __init__(self, assignment: Assignment, feed: Feed, heads: Sequence[str]) -> None:
        self.assignment = assignment
        self.train = assignment.settings.train
        self.feed = feed
        self.stream = assignment.stream
        self.tasks = feed.tasks
        known = metric_names(self.tasks, tuple(heads))
        self.selection = Selection.parse(self.train.select, known)
        self.watched = {*self.selection.metrics, *(metric.name for metric in known[: len(heads)])}
        self.schedule = Schedule(self.train)
        self.stopper = Stopper(self.train.patience, self.train.min_delta)
        self.curve: list[dict[str, float]] = []
        self.state: State = "done"
        self.message = ""
        self.seconds = 0.0
        self.step = 0
        self._unscored = ""
        self.resumed = 0
        self.fusion_weights: dict[str, dict[str, float]] = {}

    @property
    def epoch(self) -> int:
        """The epoch that runs or is next."""
        return len(self.curve)

    @property
    def over(self) -> bool:
        """Whether training has ended."""
        return self.state != "done" or self.epoch >= self.train.epochs or self.stopper.stop

    def progress(self) -> dict[str, Any]:
        """How far it is, in plain numbers: between two epochs, this and the weights are all there is of a trial."""
        return {
            "curve": self.curve,
            "step": self.step,
            "seconds": self.seconds,
            "unscored": self._unscored,
            "stopper": self.stopper.progress(),
            "schedule": self.schedule.progress(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from what `progress` gave."""
        self.curve = [dict(epoch) for epoch in state["curve"]]
        self.step, self.seconds, self._unscored = state["step"], state["seconds"], state["unscored"]
        self.stopper.resume(state["stopper"])
        self.schedule.resume(state["schedule"])
        self.resumed = self.epoch

    def batches(self) -> list[Tensor]:
        """Row numbers (B,) of each step of this epoch."""
        return list(self.feed.training_rows(self.epoch, self.train.batch_size, *self.stream))

    def end_epoch(self, losses: dict[str, float], predict: Predict) -> bool:
        """Take down an epoch: its mean `losses`, and the metrics of what `predict` says of the validation rows.

        Whether the weights are the best so far.
        """
        epoch = self.epoch
        self.curve.append({"lr": self.schedule.lr} | losses)
        if not math.isfinite(losses["loss"]):
            bad = [name for name, value in losses.items() if not math.isfinite(value)]
            return self._diverged(f"{', '.join(bad)} not finite in epoch {epoch}")
        predictions = predict(self.feed.fold.valid, epoch)
        if not all(np.isfinite(x).all() for x in predictions.values()):
            return self._diverged(f"predictions not finite in epoch {epoch}")
        metrics = self._metrics(predictions, self.feed.fold.valid, self.watched)
        score = self._score(metrics)
        self.curve[-1].update({f"valid.{name}": value for name, value in metrics.items()}, select=score)
        better = self.stopper.improved(epoch, score)
        self.schedule.step(score)
        return better

    def note(self, seen: Mapping[str, float]) -> None:
        """Add to the curve what was seen at the end of the epoch that has just ended."""
        self.curve[-1].update(seen)

    def _diverged(self, message: str) -> bool:
        self.state, self.message = "diverged", message
        return False

    def _score(self, metrics: Mapping[str, float]) -> float:
        """The selection's score; minus infinity where an epoch (one constant prediction, say) has none."""
        try:
            return self.selection.score(metrics)
        except TrainingError as error:
            self._unscored = str(error)
            return -math.inf

    def _metrics(
        self, predictions: Mapping[str, np.ndarray], rows: np.ndarray, only: Container[str] | None = None
    ) -> dict[str, float]:
        targets = {task: self.feed.targets[task].cpu().numpy()[rows] for task in predictions}
        labelled = {task: self.feed.labelled[task].cpu().numpy()[rows] for task in predictions}
        return evaluate(self.tasks, predictions, targets, labelled, only)

    def result(self, predict: Predict, provenance: Mapping[str, Any]) -> TrainResult:
        """The trial's result; `predict` has the best weights.

        Raises TrainingError where no epoch had a score.
        """
        metrics: dict[str, dict[str, float]] = {}
        predictions: dict[str, np.ndarray] = {}
        if self.state == "done":
            if self.stopper.best_epoch < 0:
                raise TrainingError(self._unscored or f"'{self.train.select}' was not finite in any epoch")
            metrics, predictions = self._test(predict)
            metrics |= self._test_under_conditions(predict, metrics)
            self.state, self.message = self._judge(predictions)
        return TrainResult(
            key=self.assignment.key,
            cell=self.assignment.cell,
            seed=self.assignment.seed,
            fold=self.assignment.fold.name,
            state=self.state,
            message=self.message,
            metrics=metrics,
            curve=tuple(self.curve),
            selected_epoch=self.stopper.best_epoch,
            seconds=self.seconds,
            predictions=predictions,
            provenance={
                **provenance,
                "epochs": len(self.curve),
                "steps": self.step,
                **({"resumed_at": self.resumed} if self.resumed else {}),
                **({"fusion_weights": self.fusion_weights} if self.fusion_weights else {}),
            },
        )

    def _test(self, predict: Predict) -> tuple[dict[str, dict[str, float]], dict[str, np.ndarray]]:
        """Metrics of validation and test rows with the selected weights, and the predictions they come from."""
        metrics: dict[str, dict[str, float]] = {}
        kept: dict[str, np.ndarray] = {}
        for split, rows in (("valid", self.feed.fold.valid), *self.feed.fold.tests.items()):
            metrics[split], predictions = self._tested(predict, split, rows)
            kept[f"{split}/rows"] = rows
            kept |= {f"{split}/{task}": values for task, values in predictions.items()}
        return metrics, kept

    def _tested(
        self, predict: Predict, split: str, rows: np.ndarray, feed: Disturbed | None = None
    ) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Metrics and predictions of some rows; what the fusion kept of each modality is noted under the split."""
        weights: list[Tensor] = []
        predictions = predict(rows, self.train.epochs, feed, kept=weights)
        names = tuple(self.feed.features)
        if weights and weights[0].shape[-1] == len(names):
            means = torch.cat(weights).mean(dim=0, dtype=torch.float64).tolist()
            if all(map(math.isfinite, means)):
                self.fusion_weights[split] = dict(zip(names, means, strict=True))
        finite = all(np.isfinite(values).all() for values in predictions.values())
        return self._metrics(predictions, rows) if finite else {}, predictions

    def _test_under_conditions(
        self, predict: Predict, clean: Mapping[str, dict[str, float]]
    ) -> dict[str, dict[str, float]]:
        """Metrics of the test rows under each condition; none where it leaves nothing to predict from.

        Nothing else depends on them: no prediction is kept, and none makes a trial diverge or collapse.
        """
        metrics: dict[str, dict[str, float]] = {}
        for condition in self.assignment.conditions:
            feed = Disturbed(self.feed, condition, *self.stream)
            for split, rows in self.feed.fold.tests.items():
                name = split_under(split, condition.name)
                if not feed.applies():
                    metrics[name] = clean[split]
                elif feed.leaves_nothing(rows):
                    metrics[name] = {}
                else:
                    metrics[name], _ = self._tested(predict, name, rows, feed)
        return metrics

    def _judge(self, predictions: Mapping[str, np.ndarray]) -> tuple[State, str]:
        """`diverged` for predictions that are not finite; `collapsed` when every row of every split gets one class.

        Only a task that the selection reads, and whose labels differ, can collapse a trial.
        """
        for name, values in predictions.items():
            if not np.isfinite(values).all():
                return "diverged", f"predictions of {name} not finite at the selected epoch"
        for task in owners_of(self.tasks, self.selection.metrics):
            logits = [values for name, values in predictions.items() if name.partition("/")[2] == task]
            rows = np.concatenate([values for name, values in predictions.items() if name.endswith("/rows")])
            known = rows[self.feed.labelled[task].cpu().numpy()[rows]]
            labels = self.feed.targets[task].cpu().numpy()[known]
            if self.tasks[task].kind != "classes" or len(np.unique(labels)) <= 1:  # none to tell apart
                continue
            chosen = np.unique(np.concatenate([values.argmax(axis=1) for values in logits]))
            if len(chosen) == 1:
                return "collapsed", f"every row is predicted '{self.tasks[task].classes[int(chosen[0])]}'"
        return "done", ""
