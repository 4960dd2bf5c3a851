"""Metrics of a whole split: what each is called, which way is better, and how it is computed.

Nothing is ever averaged over batches. Accuracy, F1, AUC and errors are as scikit-learn has them. The sets of the
field, which it does not have, carry their convention in the name: `acc2_has0` and `f1_has0` compare `>= 0` on every
row, `acc2_non0` and `f1_non0` leave rows out whose label is 0 and compare `> 0`, `acc7` and `acc5` clip to +-3 and +-2
and round half to even, all as MMSA prints them for MOSI and MOSEI; `emoval` is MER2023's weighted F1 - 0.25 MSE.

A metric that the labels (or a constant prediction) leave undefined is absent: never NaN, never a made-up number.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import rankdata

from .errors import TrainingError
from .study.plan import PlannedMetric

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from numpy.typing import NDArray

    from .dataset import Task

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `compute` gets the labelled rows alone, at least one, and answers None where it is not defined."""

    name: str
    kind: Literal["classes", "values", "both"]
    """Which tasks have it; `both` is of a study with one task of each kind."""
    higher_is_better: bool
    rate: bool
    """Whether it lies in [0, 1] and may be printed as a percentage."""
    compute: Callable[..., float | None]
    """`(logits (n, C), classes (n,))`, `(values (n,), values (n,))`, or for `both` the one pair after the other."""
    least_span: float | None = None
    """For a metric of signs and steps: the scale a task must have at least."""

    def suits(self, task: Task) -> bool:
        """Whether `task` has this metric."""
        if task.kind != self.kind:
            return False
        return self.least_span is None or (task.span is not None and task.span >= self.least_span)


def accuracy(logits: Floats, target: Whole) -> float:
    """Share of rows whose highest logit is the label; the first of equal logits counts."""
    return float((target == logits.argmax(axis=1)).mean())


def weighted_f1(logits: Floats, target: Whole) -> float:
    """F1 of each class, weighted by the rows that carry its label."""
    return _weighted_f1(logits.argmax(axis=1), target)


def _weighted_f1(predicted: NDArray[np.generic], target: NDArray[np.generic]) -> float:
    scores, support = _f1_of_classes(predicted, target)
    return float(np.average(scores, weights=support))


def _f1_of_classes(
    predicted: NDArray[np.generic], target: NDArray[np.generic]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """F1 and number of rows of each class that is labelled or predicted; 0 where it is never hit.

    scikit-learn's `f1_score` says the same, a hundred times slower: every epoch of every trial asks for this.
    """
    _, numbers = np.unique(np.concatenate([predicted, target]), return_inverse=True)
    said, true = np.split(numbers, 2)
    num = int(numbers.max()) + 1
    support = np.bincount(true, minlength=num)
    hits = np.bincount(true[said == true], minlength=num)
    return 2 * hits / (support + np.bincount(said, minlength=num)), support


def macro_f1(logits: Floats, target: Whole) -> float:
    """Plain mean of F1 over the classes that are labelled or predicted in these rows.

    A class of the task that appears in neither does not count; one that is only predicted, or never hit, counts 0.
    """
    return float(_f1_of_classes(logits.argmax(axis=1), target)[0].mean())


def auc(logits: Floats, target: Whole) -> float | None:
    """Area under the ROC curve of softmax probabilities.

    With two classes that of class 1; with more the plain mean of one against the rest over the classes that have rows.
    None when all rows have one label. It is the share of pairs that are in order, ties as halves, counted by ranks:
    scikit-learn's `roc_auc_score` says the same, twenty times slower.
    """
    present = np.unique(target)
    if len(present) == 1:
        return None
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances = odds / odds.sum(axis=1, keepdims=True)
    counted = present if logits.shape[1] > 2 else np.array([1])  # noqa: PLR2004 - two classes
    ranks, own = rankdata(chances[:, counted], axis=0), target[:, None] == counted
    support = own.sum(axis=0)
    won = np.where(own, ranks, 0.0).sum(axis=0) - support * (support + 1) / 2
    return float(np.mean(won / (support * (len(target) - support))))


def mae(predicted: Floats, target: Floats) -> float:
    """Mean absolute error."""
    return float(np.abs(target - predicted).mean())


def mse(predicted: Floats, target: Floats) -> float:
    """Mean squared error."""
    return float(np.square(target - predicted).mean())


def pearson(predicted: Floats, target: Floats) -> float | None:
    """Pearson's correlation; None when the predictions or the labels are constant."""
    if np.ptp(predicted) == 0 or np.ptp(target) == 0:
        return None
    x, y = predicted - predicted.mean(), target - target.mean()
    return float(np.clip(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)), -1, 1))


def ccc(predicted: Floats, target: Floats) -> float | None:
    """Lin's concordance correlation with variances over n; 0 where predictions or labels are constant.

    None for a single row, or when predictions and labels are one and the same constant.
    """
    flat = (np.ptp(predicted) == 0, np.ptp(target) == 0)
    gap = predicted.mean() - target.mean()
    if any(flat):
        return None if len(target) == 1 or (all(flat) and gap == 0) else 0.0
    joint = ((predicted - predicted.mean()) * (target - target.mean())).mean()
    return float(np.clip(2 * joint / (predicted.var() + target.var() + gap**2), -1, 1))


def acc2_has0(predicted: Floats, target: Floats) -> float:
    """Share of rows on the right side, where 0 counts as positive on both."""
    return float(((target >= 0) == (predicted >= 0)).mean())


def f1_has0(predicted: Floats, target: Floats) -> float:
    """Weighted F1 of the two sides, where 0 counts as positive on both."""
    return _weighted_f1(predicted >= 0, target >= 0)


def acc2_non0(predicted: Floats, target: Floats) -> float | None:
    """Share of rows on the right side of 0, without rows whose label is 0; a prediction of 0 counts as negative."""
    kept = target != 0
    return float(((target > 0) == (predicted > 0))[kept].mean()) if kept.any() else None


def f1_non0(predicted: Floats, target: Floats) -> float | None:
    """Weighted F1 of the two sides of 0, without rows whose label is 0; a prediction of 0 counts as negative."""
    kept = target != 0
    return _weighted_f1(predicted[kept] > 0, target[kept] > 0) if kept.any() else None


def _steps(predicted: Floats, target: Floats, end: float) -> float:
    """Share of rows that agree once clipped to +-end and rounded half to even."""
    return float((np.round(np.clip(predicted, -end, end)) == np.round(np.clip(target, -end, end))).mean())


def acc7(predicted: Floats, target: Floats) -> float:
    """Share of rows in the same of seven steps, -3 to 3."""
    return _steps(predicted, target, 3)


def acc5(predicted: Floats, target: Floats) -> float:
    """Share of rows in the same of five steps, -2 to 2; what lies outside is clipped."""
    return _steps(predicted, target, 2)


def emoval(logits: Floats, classes: Whole, predicted: Floats, target: Floats) -> float:
    """Weighted F1 - 0.25 mean squared error, the combined score of MER2023."""
    return weighted_f1(logits, classes) - 0.25 * mse(predicted, target)


METRICS: tuple[Metric, ...] = (
    Metric("weighted_f1", "classes", higher_is_better=True, rate=True, compute=weighted_f1),
    Metric("accuracy", "classes", higher_is_better=True, rate=True, compute=accuracy),
    Metric("macro_f1", "classes", higher_is_better=True, rate=True, compute=macro_f1),
    Metric("auc", "classes", higher_is_better=True, rate=True, compute=auc),
    Metric("mae", "values", higher_is_better=False, rate=False, compute=mae),
    Metric("pearson", "values", higher_is_better=True, rate=False, compute=pearson),
    Metric("mse", "values", higher_is_better=False, rate=False, compute=mse),
    Metric("ccc", "values", higher_is_better=True, rate=False, compute=ccc),
    Metric("acc2_non0", "values", higher_is_better=True, rate=True, compute=acc2_non0, least_span=0),
    Metric("f1_non0", "values", higher_is_better=True, rate=True, compute=f1_non0, least_span=0),
    Metric("acc7", "values", higher_is_better=True, rate=True, compute=acc7, least_span=3),
    Metric("acc2_has0", "values", higher_is_better=True, rate=True, compute=acc2_has0, least_span=0),
    Metric("f1_has0", "values", higher_is_better=True, rate=True, compute=f1_has0, least_span=0),
    Metric("acc5", "values", higher_is_better=True, rate=True, compute=acc5, least_span=2),
    Metric("emoval", "both", higher_is_better=True, rate=False, compute=emoval),
)
"""Every metric; those of one kind in the order of importance."""


def _placed(tasks: Mapping[str, Task]) -> Iterator[tuple[str, Metric, tuple[str, ...]]]:
    """(name in tables, metric, its tasks): the first metric of every task, then the second of every task, and so on."""
    columns = [[(metric, name) for metric in METRICS if metric.suits(task)] for name, task in tasks.items()]
    owners = Counter(metric.name for column in columns for metric, _ in column)
    kinds = {kind: [name for name, task in tasks.items() if task.kind == kind] for kind in ("classes", "values")}
    for row in zip_longest(*columns):
        for metric, task in filter(None, row):
            yield (metric.name if owners[metric.name] == 1 else f"{task}.{metric.name}"), metric, (task,)
    if all(len(names) == 1 for names in kinds.values()):
        pair = (kinds["classes"][0], kinds["values"][0])
        yield from ((metric.name, metric, pair) for metric in METRICS if metric.kind == "both")


def metric_names(tasks: Mapping[str, Task], trained: Container[str] | None = None) -> tuple[PlannedMetric, ...]:
    """What `evaluate` may answer, in the order of importance, the tasks taking turns; of `trained` tasks, if not all.

    A metric that only one task of the data has goes by its plain name (`weighted_f1`); one that several have says whose
    it is (`emotion.weighted_f1`). Names come from all `tasks` of the data, so that one name means one thing in every
    cell, whichever tasks it trains.
    """
    return tuple(
        PlannedMetric(name=name, higher_is_better=metric.higher_is_better, rate=metric.rate)
        for name, metric, owners in _placed(tasks)
        if trained is None or all(owner in trained for owner in owners)
    )


def owners_of(tasks: Mapping[str, Task], names: Container[str]) -> tuple[str, ...]:
    """The tasks that the metrics `names` are of, each once."""
    return tuple(dict.fromkeys(owner for name, _, owners in _placed(tasks) if name in names for owner in owners))


def _labelled_rows(
    task: Task, predicted: NDArray[np.generic], target: NDArray[np.generic], mask: NDArray[np.bool_] | None
) -> tuple[Floats, NDArray[np.float64 | np.int64]]:
    """The labelled rows of one task, in the types that metrics compute in. Raises TrainingError for wrong rows."""
    rows = len(target)
    expected = (rows, task.num_outputs) if task.kind == "classes" else (rows,)
    if predicted.shape != expected or (mask is not None and len(mask) != rows):
        raise TrainingError(f"task '{task.name}': predictions of shape {predicted.shape}; expected {expected}")
    kept = slice(None) if mask is None else mask
    chosen = np.asarray(predicted[kept], dtype=np.float64)
    bad = chosen.size - int(np.isfinite(chosen).sum())
    if bad:
        raise TrainingError(f"task '{task.name}': {bad} of {chosen.size} predictions are NaN or Inf")
    return chosen, np.asarray(target[kept], dtype=np.int64 if task.kind == "classes" else np.float64)


def evaluate(
    tasks: Mapping[str, Task],
    predictions: Mapping[str, NDArray[np.generic]],
    targets: Mapping[str, NDArray[np.generic]],
    labelled: Mapping[str, NDArray[np.bool_]],
    only: Container[str] | None = None,
) -> dict[str, float]:
    """All metrics of one split, or those that `only` names: {name: value}, finite, in the order of `metric_names`.

    `tasks` are all of the data; a task without predictions {task: (n, C) logits or (n,) values} has no metrics.
    `targets` {task: (n,)}, `labelled` {task: (n,) bool}; a task that `labelled` leaves out is labelled in every row.
    Rows without a label are left out, and a metric without a meaning for the rows that remain is not in the answer.
    Raises TrainingError for predictions that are not finite.
    """
    rows = {
        name: _labelled_rows(tasks[name], predicted, targets[name], labelled.get(name))
        for name, predicted in predictions.items()
    }
    answer: dict[str, float] = {}
    with np.errstate(all="ignore"):
        for name, metric, owners in _placed(tasks):
            wanted = only is None or name in only
            if wanted and all(owner in rows and len(rows[owner][1]) for owner in owners):
                value = metric.compute(*(array for owner in owners for array in rows[owner]))
                if value is not None and math.isfinite(value):
                    answer[name] = value
    return answer
