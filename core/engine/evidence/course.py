"""What the trainer would do with a cell, reduced to what can matter: equal courses train equal systems alike."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from ...selection import Selection
from ...study.settings import Cosine, ModalityDropout, Plateau
from ..modality_dropout import kept
from .subject import STREAM, drops_modalities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...study.plan import PlannedMetric
    from ...study.settings import CellSettings, TrainSettings

Part = tuple[Any, ...]
_ROWS = 32


def course(settings: CellSettings, rows: Sequence[int], metrics: Sequence[PlannedMetric]) -> Part:
    """Optimiser, batches, learning rate, stopping and selection; `rows` are the training rows of each fold.

    Left out is what cannot act: a patience longer than training, a batch larger than the fold, decay of a kind that is
    zero, what selects the only epoch.
    """
    train = settings.train
    patience = train.patience if train.patience is not None and train.patience < train.epochs else None
    selection = Selection.parse(train.select, metrics)
    return (
        train.epochs,
        tuple(min(train.batch_size, count) for count in rows),
        _optimiser(train),
        train.lr,
        _scheduler(train),
        None if train.clip is None else (train.clip.by, train.clip.limit),
        None if patience is None else (patience, train.min_delta),
        None if train.epochs == 1 else selection.tree,
    )


def _optimiser(train: TrainSettings) -> Part:
    if train.optimizer == "sgd":
        return ("sgd", train.weight_decay, train.momentum)
    return ("adam" if train.weight_decay == 0 else train.optimizer, train.weight_decay)


def _scheduler(train: TrainSettings) -> Part | None:
    found = train.scheduler
    if train.epochs == 1 or (
        isinstance(found, Plateau) and (found.patience >= train.epochs or found.min_lr >= train.lr)
    ):
        return None
    if isinstance(found, Plateau):
        return ("plateau", found.factor, found.patience, found.min_lr)
    return ("cosine", found.min_lr) if isinstance(found, Cosine) else None


def weights(settings: CellSettings, term: str) -> tuple[float, ...]:
    """Weight of a term in each epoch."""
    spec = settings.losses[term]
    return tuple(spec.weight * spec.warmup.factor(epoch) for epoch in range(settings.train.epochs))


def dropout(settings: CellSettings) -> Part | None:
    """Rate of modality dropout in each epoch and what it takes together; None where it takes nothing away."""
    drop = settings.modality_dropout
    if drop is None or not drops_modalities(settings):
        return None
    rates = tuple(drop.rate * drop.warmup.factor(epoch) for epoch in range(settings.train.epochs))
    own = sorted(drop.probabilities.items()) if drop.patterns == "independent" else ()
    return (rates, tuple(own), _masks(drop.patterns, tuple(drop.probabilities.items()), settings.modalities))


@cache
def _masks(patterns: str, probabilities: tuple[tuple[str, float], ...], modalities: tuple[str, ...]) -> str:
    """What rows lose that are hit, in a few steps."""
    always = ModalityDropout.model_validate({"rate": 1, "patterns": patterns, "probabilities": dict(probabilities)})
    present = torch.ones(_ROWS, len(modalities), dtype=torch.bool)
    drawn = [kept(always, modalities, present, 0, STREAM, step) for step in range(8)]
    return "".join("1" if left else "0" for left in torch.stack(drawn).flatten().tolist())
