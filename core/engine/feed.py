"""The data of one fold as tensors: standardised on the training rows, gathered by row numbers, never collated."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..batch import Batch
from ..standardise import standardise
from ..streams import numpy_stream
from .conditions import unit_of
from .devices import CPU

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from torch import Tensor

    from ..dataset import Dataset, Task
    from ..splits import Fold


class Feeds:
    """The feeds of one data set, on a device. The standardised tables of the `room` folds lately used are kept."""

    def __init__(self, data: Dataset, room: int = 8, *, device: str = CPU) -> None:
        self.data = data
        self.device = device
        self._room = room
        self._tables: OrderedDict[tuple[int, bool], tuple[Fold, dict[str, Tensor]]] = OrderedDict()

    def feed(self, fold: Fold, modalities: tuple[str, ...], *, standardised: bool) -> Feed:
        """Tensors of `modalities` for `fold`."""
        key = (id(fold), standardised)
        _, tables = self._tables.setdefault(key, (fold, {}))
        self._tables.move_to_end(key)
        while len(self._tables) > self._room:
            self._tables.popitem(last=False)
        missing = feature_tables(self.data, fold, set(modalities) - set(tables), standardised=standardised)
        tables |= {modality: table.to(self.device) for modality, table in missing.items()}
        return Feed(self.data, fold, modalities, standardised=standardised, tables=tables, device=self.device)


def feature_tables(data: Dataset, fold: Fold, modalities: Collection[str], *, standardised: bool) -> dict[str, Tensor]:
    """{modality: (N, D) or (N, T, D)} in the default dtype, with zeros where the modality is absent."""
    features = {m: data.features[m] for m in modalities}
    if standardised:
        features = standardise(features, data.lengths, data.present, fold.train)
    return {m: _absent_are_zero(x, data.present[m]).to(torch.get_default_dtype()) for m, x in features.items()}


class Feed:
    """Tensors of the modalities that take part, for all rows of the data set, on a device; `batch` picks some."""

    def __init__(
        self,
        data: Dataset,
        fold: Fold,
        modalities: tuple[str, ...],
        *,
        standardised: bool,
        tables: Mapping[str, Tensor] | None = None,
        device: str = CPU,
    ) -> None:
        if tables is None:
            tables = feature_tables(data, fold, modalities, standardised=standardised)
        present = np.stack([data.present[m] for m in modalities], axis=1)
        self.data = data
        self.device = device
        self.fold = fold
        self.standardised = standardised
        self.tasks: dict[str, Task] = dict(data.tasks)
        self.features = {m: tables[m].to(device) for m in modalities}
        self.lengths = {m: torch.from_numpy(data.lengths[m].astype(np.int64)).to(device) for m in modalities}
        self.recorded = torch.from_numpy(present)
        self.present = self.recorded.to(device)
        targets = {t: _target(data.targets[t], data.labelled[t], task) for t, task in data.tasks.items()}
        self.targets = {t: target.to(device) for t, target in targets.items()}
        self.labelled = {t: torch.from_numpy(np.asarray(data.labelled[t], bool)).to(device) for t in data.tasks}

    def batch(self, rows: Tensor) -> Batch:
        """The samples in `rows` (B,) int64."""
        rows = rows.to(self.device)
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

    def unit(self, modality: str) -> np.ndarray:
        """(D,) or (): the standard deviation of each feature over the training rows, as the encoders read it."""
        return np.ones(()) if self.standardised else unit_of(self.data, modality, self.fold.train)

    def fill(self, batch: Batch) -> None:
        """Write the samples `batch.rows` (K, B) into a stacked `batch` (K, B, ...), in place; all but the features."""
        rows = batch.rows.view(-1)
        pairs = [(self.lengths[m], n) for m, n in batch.lengths.items()]
        pairs += [(self.targets[t], y) for t, y in batch.targets.items()]
        pairs += [(self.labelled[t], y) for t, y in batch.labelled.items()]
        for table, place in [*pairs, (self.present, batch.present)]:
            torch.index_select(table, 0, rows, out=place.view(-1, *table.shape[1:]))

    def batch_size(self, asked: int) -> int:
        """Rows of a training batch."""
        return min(asked, len(self.fold.train))

    def training_rows(self, epoch: int, batch_size: int, *stream: str | int) -> Iterator[Tensor]:
        """Row numbers of each batch of `epoch`, in the stream's order; a smaller last batch is left out.

        Where there are fewer training rows than `batch_size`, all of them make the one batch.
        """
        order = numpy_stream(*stream, "order", epoch).permutation(self.fold.train)
        size = self.batch_size(batch_size)
        for start in range(0, len(order) - size + 1, size):
            yield torch.from_numpy(order[start : start + size])


def _absent_are_zero(features: np.ndarray, present: np.ndarray) -> Tensor:
    shape = (-1,) + (1,) * (features.ndim - 1)
    return torch.from_numpy(np.where(present.reshape(shape), features, np.float32(0)).astype(np.float32))


def _target(target: np.ndarray, labelled: np.ndarray, task: Task) -> Tensor:
    known = torch.from_numpy(np.where(labelled, target, 0))
    return known.to(torch.int64 if task.kind == "classes" else torch.get_default_dtype())
