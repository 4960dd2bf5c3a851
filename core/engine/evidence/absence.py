"""Is an absent modality masked everywhere, and does a present one reach a prediction?

The features of one modality are replaced: nothing may move where it is absent, and something must where it is there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from ...streams import stream_key
from ..conditions import Disturbed
from .digests import digest
from .subject import STREAM, Subject, active_terms, forced
from .trace import predicted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ...batch import Batch
    from ...conditions import Condition
    from ...study.settings import CellSettings

_LOUD = 3.0
"""Standard deviation of the values that are put in; standardised features have 1."""
_NOTHING = 1e-6


@dataclass(frozen=True)
class Absence:
    """What the modalities of a system do when they are absent and when they are there."""

    leaks: Mapping[str, tuple[str, ...]]
    """{modality: what moves with its values where it is absent}: `predictions`, `losses.kl`."""
    kept: Mapping[str, float]
    """{modality: share of the fusion's weight that it keeps where it is absent}; those with none are left out."""
    ignored: Mapping[str, bool]
    """{modality that reaches no prediction: whether it reaches a term}."""
    terms: Mapping[str, str] = field(default_factory=dict)
    """{term that was looked at: its settings}."""
    weighs: bool = False
    """Whether the fusion gives weights."""

    def covers(self, settings: CellSettings) -> bool:
        """Whether this holds for a system with the same encoders and fusion, and these terms."""
        wanted = _terms(settings)
        return wanted == self.terms or (not self.ignored and wanted.items() <= self.terms.items())

    def of(self, settings: CellSettings) -> Absence:
        """The same, of the terms that there are."""
        gone = {f"losses.{term}" for term in self.terms if term not in settings.losses}
        leaks = {name: tuple(part for part in moved if part not in gone) for name, moved in self.leaks.items()}
        terms = {term: told for term, told in self.terms.items() if term in settings.losses}
        return replace(self, leaks={name: moved for name, moved in leaks.items() if moved}, terms=terms)


def _terms(settings: CellSettings) -> dict[str, str]:
    active = active_terms(settings)
    return {
        term: json.dumps({name: value for name, value in spec.resolved().items() if name not in ("weight", "warmup")})
        for term, spec in settings.losses.items()
        if term in active
    }


def absence(subject: Subject) -> Absence:
    """Look at every modality of a system."""
    batch, names, terms = subject.batches[0], subject.settings.modalities, _terms(subject.settings)
    if len(names) == 1:
        return Absence({}, {}, {}, terms)
    left = forced(batch.present)
    leaks: dict[str, tuple[str, ...]] = {}
    if _moved(subject, batch, left):
        for column, name in enumerate(names):
            alone = batch.present.clone()
            alone[:, column] = batch.present.sum(dim=1) <= batch.present[:, column].long()
            if moved := _moved(subject, batch, alone & batch.present):
                leaks[name] = moved
    kept = _kept(subject, _without(batch, left, loud=False))
    return Absence(leaks, kept or {}, ignored(subject, batch), terms, weighs=kept is not None)


def is_idle(subject: Subject, condition: Condition) -> bool:
    """Whether no prediction changes under a condition of the test."""
    ground = subject.ground
    clean = ground.whole()
    disturbed = ground.way.scaled(Disturbed(ground.feed, condition, 0, ground.fold.name).batch(clean.rows))
    left = disturbed.present.any(dim=1)
    if not bool(left.any()):
        return False
    with torch.no_grad():
        one, other = (subject.take_alone(batch, training=False).outputs.predictions for batch in (clean, disturbed))
    return all(torch.equal(values[left], other[task][left]) for task, values in one.items())


def _moved(subject: Subject, batch: Batch, left: Tensor) -> tuple[str, ...]:
    """What differs between values and zeros in the place of what is absent."""
    quiet, loud = _without(batch, left, loud=False), _without(batch, left, loud=True)
    found: dict[str, None] = {}
    with torch.no_grad():
        for training in (True, False):
            before, after = (_parts(subject, one, training=training) for one in (quiet, loud))
            moved = [part for part in before if before[part] != after[part]]
            again = _parts(subject, quiet, training=training) if moved else {}
            found |= dict.fromkeys(
                part for part in moved if again[part] == before[part]
            )  # what moves of itself is none
    return tuple(found)


def _parts(subject: Subject, batch: Batch, *, training: bool) -> dict[str, str]:
    """{`predictions` or `losses.TERM`: hash}."""
    shot = subject.take_alone(batch, training=training)
    terms = {f"losses.{term}": digest([(term, shot.terms[term])]) for term in shot.terms if term in subject.active}
    return {"predictions": digest(predicted(shot)), **terms}


def _without(batch: Batch, left: Tensor, *, loud: bool) -> Batch:
    """The batch with only what is `left` (B, M) recorded; zeros or values in the place of the rest."""
    features = {
        name: torch.where(_wide(left[:, column], x), x, _values(name, x) if loud else 0.0)
        for column, (name, x) in enumerate(batch.features.items())
    }
    return batch._replace(features=features, complete=features, present=left, recorded=left)


def _wide(keep: Tensor, like: Tensor) -> Tensor:
    return keep.reshape(-1, *(1,) * (like.ndim - 1))


def _values(name: str, like: Tensor) -> Tensor:
    draw = torch.Generator().manual_seed(stream_key(STREAM, "probe", name))
    return _LOUD * torch.randn(like.shape, generator=draw, dtype=like.dtype)


def _kept(subject: Subject, quiet: Batch) -> dict[str, float] | None:
    """{modality: share that it keeps}; None for a fusion without weights."""
    with torch.no_grad():
        weights = subject.take_alone(quiet, training=False).outputs.fused.weights
    if weights is None:
        return None
    absent = ~quiet.present
    shares = {
        name: float(weights[:, column][absent[:, column]].abs().mean()) if bool(absent[:, column].any()) else 0.0
        for column, name in enumerate(subject.settings.modalities)
    }
    return {name: share for name, share in shares.items() if share > _NOTHING}


def ignored(subject: Subject, batch: Batch) -> dict[str, bool]:
    """Modalities whose values, where they are there, move no prediction."""
    found: dict[str, bool] = {}
    with torch.no_grad():
        before = _of(subject, batch, training=False)
        for column, (name, x) in enumerate(batch.features.items()):
            there = batch.present[:, column]
            if not bool(there.any()):
                continue
            other = torch.where(_wide(there, x), _values(name, x), x)
            changed = batch._replace(features={**batch.features, name: other}, complete={**batch.complete, name: other})
            if before != _of(subject, changed, training=False):
                continue
            found[name] = _of(subject, batch, training=True) != _of(subject, changed, training=True)
    return found


def _of(subject: Subject, batch: Batch, *, training: bool) -> str:
    """Hash of what is computed: the predictions, and in training the terms that count."""
    shot = subject.take_alone(batch, training=training)
    terms = [(term, value) for term, value in shot.terms.items() if term in subject.active]
    return digest([*shot.outputs.predictions.items(), *terms])
