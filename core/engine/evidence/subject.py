"""A system on fixed rows with fixed streams: what every question before training looks at."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ...streams import stream_key
from ..model import System
from ..noise import ServedNoise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ...batch import Batch, Outputs
    from ...dataset import Dataset
    from ...splits import Fold
    from ...study.settings import CellSettings
    from ..feed import Feed

ROWS = 16
"""Rows of a batch."""
BATCHES = 2
STREAM = "evidence"


SPREAD = 8
"""Most epochs that looks are spread over."""


class Way(NamedTuple):
    """The circumstances of a look."""

    number: int = 0
    """Each has streams of its own: other initial values, other noise, other epochs."""
    features: float = 1.0
    """A factor of all features."""
    parameters: float = 1.0
    """A factor of all parameters."""

    @property
    def stream(self) -> tuple[str | int, ...]:
        """Where its random numbers are from."""
        return (STREAM, self.number) if self.number else (STREAM,)

    def epochs(self, count: int) -> tuple[int, int]:
        """Two of `count` epochs, the last and the first in the first look, and then all in turn or some of many."""
        if not self.number:
            return count - 1, 0
        spread = np.linspace(0, count - 1, min(count, SPREAD)).astype(int).tolist()
        return spread[2 * self.number % len(spread)], spread[(2 * self.number + 1) % len(spread)]

    def scaled(self, batch: Batch) -> Batch:
        """The batch with larger features."""
        if self.features == 1:
            return batch
        features, complete = (
            {name: self.features * x for name, x in named.items()} for named in (batch.features, batch.complete)
        )
        return batch._replace(features=features, complete=complete)


PLAIN = Way()


class Ground(NamedTuple):
    """The data that systems are looked at on, and how."""

    data: Dataset
    fold: Fold
    feed: Feed
    key: str
    """Of the data set, its splits and the modalities that take part."""
    way: Way = PLAIN
    tested: Mapping[str, Batch] = MappingProxyType({})
    """{what tests have that training rows have not: rows of that kind}."""

    def batches(self) -> list[Batch]:
        """Batches of `ROWS` rows or fewer, among them some with each label and each modality that there is."""
        rows = spread_rows(self.data, self.fold, BATCHES * ROWS)
        return [self._batch(rows[start::BATCHES]) for start in range(BATCHES)]

    def whole(self) -> Batch:
        """All rows of the batches as one."""
        return self._batch(spread_rows(self.data, self.fold, BATCHES * ROWS))

    def tests(self) -> dict[str, Batch]:
        """{what is odd about them: rows as tests have them}."""
        return {kind: self.way.scaled(batch) for kind, batch in self.tested.items()}

    def _batch(self, rows: np.ndarray) -> Batch:
        return self.way.scaled(self.feed.batch(torch.from_numpy(rows)))


@dataclass(frozen=True)
class Shot:
    """One pass over one batch."""

    outputs: Outputs
    batch: Batch
    terms: dict[str, Tensor]
    """Each term before its weight."""


class Subject:
    """A cell's system, a little off its initial values, and batches of training rows of its first fold."""

    def __init__(self, settings: CellSettings, ground: Ground) -> None:
        self.settings = settings
        self.system = System(settings, ground.data, *ground.way.stream)
        self.noise = ServedNoise(*ground.way.stream, "noise").attach(self.system)
        self.active = active_terms(settings)
        self.epochs = ground.way.epochs(settings.train.epochs)
        self.ground = ground
        self.batches = ground.batches()
        """What it is looked at on."""
        self._built = [
            (module, name, value.clone())
            for module in self.system.modules()
            for name, value in module.named_buffers(recurse=False)
        ]

    def move(self) -> None:
        """Move every parameter a little, each by its own stream: a layer that starts at zero hides nothing."""
        with torch.no_grad():
            for name, parameter in self.system.named_parameters():
                draw = torch.Generator().manual_seed(stream_key(*self.ground.way.stream, "moved", name))
                size = 0.1 * float(parameter.std(correction=0)) + 1e-3
                parameter.add_(torch.randn(parameter.shape, generator=draw), alpha=size)
                parameter.mul_(self.ground.way.parameters)

    def take(self, batch: Batch, number: int = 0, *, left: Tensor | None = None, training: bool = True) -> Shot:
        """Outputs of `batch`, the `number`th, and in training its terms.

        `left` (B, M) is what modality dropout leaves of it.
        """
        self.system.train(training)
        step, epoch = (number if training else -1), self.epochs[number % len(self.epochs)]
        self.noise.begin(step)
        with self.noise:
            outputs, seen = self.system.compute(batch, batch.present if left is None else left, epoch)
            weights = {term: float(term in self.active) for term in self.settings.losses}
            _, terms = self.system.terms(outputs, seen, weights if training else {})
        return Shot(outputs, seen, terms)

    def take_alone(self, batch: Batch, *, training: bool = True) -> Shot:
        """The same as if it were the first pass; it leaves no state behind: running means stay as they were."""
        before = [(module, dict(module.named_buffers(recurse=False))) for module in self.system.modules()]
        for module, name, value in self._built:
            setattr(module, name, value.clone())
        try:
            return self.take(batch, training=training)
        finally:
            for module, held in before:
                for name, value in held.items():
                    setattr(module, name, value)


def forced(present: Tensor) -> Tensor:
    """(B, M) bool: `present` (B, M) less one modality in each row but every (M + 1)th, in turn."""
    rows, num = present.shape
    left = present.clone()
    for row in range(rows):
        if row % (num + 1) < num:
            left[row, row % (num + 1)] = False
    return torch.where(left.any(dim=1, keepdim=True), left, present)


def active_terms(settings: CellSettings) -> frozenset[str]:
    """Terms whose weight is above zero in some epoch."""
    epochs = settings.train.epochs
    return frozenset(
        term
        for term, spec in settings.losses.items()
        if spec.weight > 0 and max(spec.warmup.factor(0), spec.warmup.factor(epochs - 1)) > 0
    )


def drops_modalities(settings: CellSettings) -> bool:
    """Whether modality dropout takes anything away in some epoch."""
    drop, last = settings.modality_dropout, settings.train.epochs - 1
    if drop is None or len(settings.modalities) == 1:
        return False
    return drop.rate * max(drop.warmup.factor(0), drop.warmup.factor(last)) > 0


def spread_rows(data: Dataset, fold: Fold, most: int) -> np.ndarray:
    """Training rows, spread evenly, among them some with each label and modality, and some without one, if any are."""
    wanted = [*data.labelled.values(), *data.present.values()]
    wanted += [~there for there in data.present.values() if not there[fold.train].all()]
    least = [spread(fold.train[mask[fold.train]], BATCHES) for mask in wanted]
    rows = np.unique(np.concatenate([spread(fold.train, max(4, most - BATCHES * len(least))), *least]))
    return rows.astype(np.int64)


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """`most` of the rows, or all of them if they are fewer, evenly."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)] if len(rows) else rows
