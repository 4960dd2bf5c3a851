"""A data set in memory: arrays of named modalities and tasks, as a dataset plugin loads them. NumPy only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from .errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

TaskKind = Literal["classes", "values"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be predicted: one of some classes, or a value."""

    name: str
    kind: TaskKind
    classes: tuple[str, ...] = ()
    """Names of the classes in the order of their numbers; empty for values."""
    span: float | None = None
    """For values on a scale that is symmetric about zero, its end (3 for [-3, 3]): turns on sign metrics."""

    @property
    def num_outputs(self) -> int:
        """Width of the head: C for classes, 1 for values."""
        return len(self.classes) if self.kind == "classes" else 1


@dataclass(frozen=True, eq=False)
class Dataset:
    """N rows. Checked when made: raises DataError for rows that do not match, NaN, or labels out of range."""

    features: Mapping[str, NDArray[np.float32]]
    """{modality: (N, D) or (N, T, D)}; frames are padded at the end."""
    tasks: Mapping[str, Task]
    targets: Mapping[str, NDArray[np.generic]]
    """{task: (N,)} int64 class numbers or float32 values; 0 where not labelled."""
    lengths: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """{modality: (N,)} valid frames; a modality that is left out has all its frames (or is an utterance)."""
    present: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """{modality: (N,)}; a modality that is left out is present in every row."""
    labelled: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """{task: (N,)}; a task that is left out is labelled in every row."""
    groups: NDArray[np.str_] | None = None
    """(N,) speaker, video or participant: rows that folds must not part."""
    split: NDArray[np.str_] | None = None
    """(N,) official part of each row, in the words of the file."""
    ids: NDArray[np.str_] | None = None
    """(N,) names of the rows."""

    def __post_init__(self) -> None:
        """Fill what was left out and check every array against the others."""
        rows = self._rows()
        for name, array in self.features.items():
            _check_features(name, array, rows)
        filled: dict[str, dict[str, NDArray[np.generic]]] = {
            "lengths": {m: self.lengths.get(m, _full_lengths(x)) for m, x in self.features.items()},
            "present": {m: self.present.get(m, np.ones(rows, bool)) for m in self.features},
            "labelled": {t: self.labelled.get(t, np.ones(rows, bool)) for t in self.tasks},
        }
        for name, columns in filled.items():
            object.__setattr__(self, name, columns)
            for key, values in columns.items():
                _check_rows(f"{name} of '{key}'", values, rows)
        for name, task in self.tasks.items():
            _check_targets(task, self.targets[name], self.labelled[name], rows)
        for title, column in (("groups", self.groups), ("split", self.split), ("ids", self.ids)):
            if column is not None:
                _check_rows(title, column, rows)

    def _rows(self) -> int:
        if not self.features:
            raise DataError("a data set needs at least one modality", "modalities")
        if not self.tasks:
            raise DataError("a data set needs at least one task", "task")
        return len(next(iter(self.features.values())))

    def __len__(self) -> int:
        return self._rows()

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in their order."""
        return tuple(self.features)

    def digest(self) -> str:
        """Hash of every array that training or evaluation reads: equal data, equal digest."""
        total = hashlib.sha256()
        for title in ("features", "lengths", "present", "targets", "labelled"):
            for name, array in getattr(self, title).items():
                total.update(f"{title}/{name}/{array.dtype}/{array.shape}".encode())
                total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()[:16]


def _full_lengths(array: NDArray[np.float32]) -> NDArray[np.int64]:
    rows, *frames, _ = array.shape
    return np.full(rows, frames[0] if frames else 1, np.int64)


def _check_rows(title: str, column: NDArray[np.generic], rows: int) -> None:
    if len(column) != rows:
        raise DataError(f"{title} has {len(column)} rows, the features have {rows}")


def _check_features(name: str, array: NDArray[np.float32], rows: int) -> None:
    if array.ndim not in (2, 3):
        raise DataError(f"modality '{name}' has shape {array.shape}; expected (N, D) or (N, T, D)", "modalities")
    _check_rows(f"modality '{name}'", array, rows)
    bad = ~np.isfinite(array).reshape(rows, -1).all(axis=1)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(f"modality '{name}' has NaN or Inf in {int(bad.sum())} rows, first: row {first}", "modalities")


def _check_targets(task: Task, target: NDArray[np.generic], labelled: NDArray[np.bool_], rows: int) -> None:
    _check_rows(f"task '{task.name}'", target, rows)
    known = np.asarray(target[labelled], dtype=np.float64)
    if not np.isfinite(known).all():
        raise DataError(f"task '{task.name}' has NaN or Inf among its labels", "task")
    if task.kind == "classes" and known.size and (known.min() < 0 or known.max() >= len(task.classes)):
        found = f"{known.min():.0f}..{known.max():.0f}"
        raise DataError(f"task '{task.name}' has class numbers {found} for {len(task.classes)} classes", "task")
