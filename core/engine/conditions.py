"""Rows under a condition of the test: modalities taken away, noise added, the same for every cell of a study.

Whom it hits is drawn from (trial seed, fold, kind, modalities, sample), never from the cell and never from the level:
compared cells meet the same disturbance, and a sample that has lost a modality at a rate has lost it at every higher
one.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from ..standardise import moments
from ..streams import sample_keys, sample_uniforms, stream_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from torch import Tensor

    from ..batch import Batch
    from ..conditions import Condition
    from ..dataset import Dataset
    from .feed import Feed

_FRAMES = 3


class Batches(Protocol):
    """Whatever gives the samples of some rows: a feed, or one under a condition."""

    def batch(self, rows: Tensor) -> Batch:
        """The samples in `rows` (B,) int64."""


class Predict(Protocol):
    """What predicts rows with the weights of a trial."""

    def __call__(
        self, rows: np.ndarray, epoch: int, feed: Batches | None = None, /, *, kept: list[Tensor] | None = None
    ) -> dict[str, np.ndarray]:
        """{task: (n, C) logits or (n,) values} of `rows`, at an epoch; of another feed than the trial's, if given.

        What a fusion kept of each modality, (n, M), is appended to `kept`.
        """


class Disturbed:
    """A feed under a condition; `seed` and `fold` are those of the trial."""

    def __init__(self, feed: Feed, condition: Condition, seed: int, fold: str) -> None:
        self.feed = feed
        self.condition = condition
        self.stream = (seed, fold)
        self._units: dict[str, NDArray[np.float64]] = {}

    def batch(self, rows: Tensor) -> Batch:
        """The samples in `rows` (B,) int64, as if what is missing had never been recorded."""
        batch = self.feed.batch(rows)
        return self._noisy(batch) if self.condition.kind == "noise" else self._without(batch)

    def applies(self) -> bool:
        """Whether the feed has any of the modalities that the condition may change."""
        return not set(self.condition.concerned).isdisjoint(self.feed.features)

    def leaves_nothing(self, rows: NDArray[np.int64]) -> bool:
        """Whether nothing is left to predict from.

        `without` takes every modality of the feed; or a row that had something of them loses the last of it at random.
        """
        if self.condition.kind == "without":
            return set(self.feed.features) <= set(self.condition.concerned)
        if self.condition.kind == "noise":
            return False
        present = self.feed.recorded[rows]
        left = present & self._kept(rows)
        return bool((present.any(dim=1) & ~left.any(dim=1)).any())

    def _kept(self, rows: NDArray[np.int64]) -> Tensor:
        """(n, M) bool, a column for each modality of the feed: what the condition does not take away."""
        taken = missing(self.condition, self.feed.data, rows, *self.stream)
        none = np.zeros(len(rows), bool)
        return torch.from_numpy(~np.stack([taken.get(name, none) for name in self.feed.features], axis=1))

    def _without(self, batch: Batch) -> Batch:
        present = batch.present & self._kept(batch.rows.cpu().numpy()).to(batch.present.device)
        features = {
            name: torch.where(present[:, column].reshape(-1, *(1,) * (x.ndim - 1)), x, 0.0)
            for column, (name, x) in enumerate(batch.features.items())
        }
        return batch._replace(features=features, complete=features, present=present, recorded=present)

    def _unit(self, modality: str) -> NDArray[np.float64]:
        """The unit of the noise, found once for all batches."""
        if modality not in self._units:
            self._units[modality] = self.feed.unit(modality)
        return self._units[modality]

    def _noisy(self, batch: Batch) -> Batch:
        """Noise on the features that are there: on present rows, and of frames on the valid ones."""
        features = dict(batch.features)
        rows = batch.rows.cpu().numpy()
        for column, name in enumerate(batch.features):
            if name in self.condition.concerned:
                there = batch.present[:, column].cpu().numpy()
                noise = gaussian(self.feed.data, name, rows, *self.stream, there=there) * self._unit(name)
                features[name] = features[name] + torch.from_numpy(self.condition.level * noise).to(features[name])
        return batch._replace(features=features, complete=features)


def missing(
    condition: Condition, data: Dataset, rows: NDArray[np.int64], seed: int, fold: str
) -> dict[str, NDArray[np.bool_]]:
    """{modality: (n,) bool}: what of `rows` (n,) the condition takes away. Of `among` something stays in every row.

    With modalities of its own they go together, in a share `level` of the rows. Else each goes by itself in that share:
    one that the sample has, drawn alike, stays, and each of the other k - 1 goes with probability level k / (k - 1),
    which makes `level` for each; no more than (k - 1) / k of them can go.
    """
    pool = [name for name in condition.among if name in data.present]
    if condition.kind == "without":
        return dict.fromkeys(condition.modalities, np.ones(len(rows), bool))
    samples = _samples(data)[rows]
    recorded = np.stack([data.present[name][rows] for name in pool], axis=1)
    if condition.modalities:
        together = "+".join(condition.modalities)
        hit = sample_uniforms(stream_key(seed, fold, "missing", together), samples) < condition.level
        others = [column for column, name in enumerate(pool) if name not in condition.modalities]
        return dict.fromkeys(condition.modalities, hit & recorded[:, others].any(axis=1))
    chances, ranks = (
        np.stack([sample_uniforms(stream_key(seed, fold, purpose, name), samples) for name in pool], axis=1)
        for purpose in ("missing", "kept")
    )
    number = recorded.sum(axis=1, keepdims=True)
    kept = np.where(recorded, ranks, -1.0).argmax(axis=1)[:, None] == np.arange(len(pool))
    share = np.where(number > 1, condition.level * number / np.maximum(1, number - 1), 0.0)
    gone = recorded & ~kept & (chances < share)
    return {name: gone[:, column] for column, name in enumerate(pool)}


def gaussian(
    data: Dataset, modality: str, rows: NDArray[np.int64], seed: int, fold: str, *, there: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Standard normal numbers of the shape of `rows` (n,) of a modality: (n, D) or (n, T, D).

    Zeros where it is not `there` (n,), and behind the last valid frame.
    """
    shape, lengths = data.features[modality].shape[1:], data.lengths[modality]
    noise = np.zeros((len(rows), *shape))
    counter = np.random.Philox(key=stream_key(seed, fold, "noise", modality))
    draw, state = np.random.Generator(counter), counter.state
    samples = _samples(data)[rows]
    for number in np.flatnonzero(there):
        state["state"]["key"][1] = samples[number]  # a stream of its own, begun anew
        counter.state = state
        valid = int(lengths[rows[number]]) if len(shape) + 1 == _FRAMES else shape[0]
        noise[number, :valid] = draw.standard_normal((valid, *shape[1:]))
    return noise


def strongest(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Of each kind and modalities that of the highest level."""
    found: dict[tuple[str, tuple[str, ...]], Condition] = {}
    for one in sorted(conditions, key=lambda condition: condition.level):
        found[one.kind, one.modalities] = one
    return tuple(found.values())


def unit_of(data: Dataset, modality: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(D,) standard deviation of each feature over the training `rows`; 1 for one that never varies."""
    return moments(data.features[modality], data.lengths[modality], data.present[modality], rows)[1]


def ids_digest(data: Dataset) -> dict[str, str]:
    """{"ids": hash of the names of the rows}, which decide whom a condition hits; nothing where they have none."""
    if data.ids is None:
        return {}
    return {"ids": hashlib.sha256("\n".join(data.ids.tolist()).encode()).hexdigest()[:16]}


@lru_cache(maxsize=2)
def _samples(data: Dataset) -> NDArray[np.uint64]:
    """(N,) the key of each row: of its id, or of its number where the data have no ids."""
    return sample_keys(range(len(data)) if data.ids is None else data.ids.tolist())
