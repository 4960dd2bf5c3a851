"""The data of one fold as tensors: standardised on the training rows, gathered by row numbers, never collated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..batch import Batch
from ..standardise import standardise
from ..streams import numpy_stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from ..dataset import Dataset, Task
    from ..splits import Fold


class Feed:
    """Tensors of the modalities that take part, for all rows of the data set; `batch` picks some."""

    def __init__(self, data: Dataset, fold: Fold, modalities: tuple[str, ...], *, standardised: bool) -> None:
        features = dict(data.features)
        if standardised:
            features = dict(standardise(features, data.lengths, data.present, fold.train))
        present = np.stack([data.present[m] for m in modalities], axis=1)
        self.fold = fold
        self.tasks: dict[str, Task] = dict(data.tasks)
        self.features = {m: _absent_are_zero(features[m], data.present[m]) for m in modalities}
        self.lengths = {m: torch.from_numpy(data.lengths[m].astype(np.int64)) for m in modalities}
        self.present = torch.from_numpy(present)
        self.targets = {t: _target(data.targets[t], data.labelled[t], task) for t, task in data.tasks.items()}
        self.labelled = {t: torch.from_numpy(np.asarray(data.labelled[t], bool)) for t in data.tasks}

    def batch(self, rows: Tensor) -> Batch:
        """The samples in `rows` (B,) int64."""
        features = {m: x[rows] for m, x in self.features.items()}
        present = self.present[rows]
        return Batch(
            features=features,
            complete=features,
            lengths={m: n[rows] for m, n in self.lengths.items()},
            present=present,
            recorded=present,
            targets={t: y[rows] for t, y in self.targets.items()},
            labelled={t: y[rows] for t, y in self.labelled.items()},
            rows=rows,
        )

    def training_rows(self, epoch: int, batch_size: int, *stream: str | int) -> Iterator[Tensor]:
        """Row numbers of each batch of `epoch`, in the stream's order; a smaller last batch is left out.

        Where there are fewer training rows than `batch_size`, all of them make the one batch.
        """
        order = numpy_stream(*stream, "order", epoch).permutation(self.fold.train)
        size = min(batch_size, len(order))
        for start in range(0, len(order) - size + 1, size):
            yield torch.from_numpy(order[start : start + size])


def _absent_are_zero(features: np.ndarray, present: np.ndarray) -> Tensor:
    shape = (-1,) + (1,) * (features.ndim - 1)
    return torch.from_numpy(np.where(present.reshape(shape), features, np.float32(0)).astype(np.float32))


def _target(target: np.ndarray, labelled: np.ndarray, task: Task) -> Tensor:
    known = np.where(labelled, target, 0)
    return torch.from_numpy(known.astype(np.int64 if task.kind == "classes" else np.float32))
