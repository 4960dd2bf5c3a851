"""How weights move and when a trial ends: optimiser, clipping, learning rate, early stopping."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from ..study.settings import Clip, TrainSettings


def make_optimizer(train: TrainSettings, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """Torch's own optimiser, fused."""
    if train.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=train.lr, momentum=train.momentum, weight_decay=train.weight_decay, fused=True
        )
    kind = torch.optim.AdamW if train.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr=train.lr, weight_decay=train.weight_decay, fused=True)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Use this learning rate from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def clip_gradients(clip: Clip | None, parameters: Sequence[Tensor]) -> None:
    """Limit the gradients in place, each element or their common norm."""
    if clip is None:
        return
    if clip.by == "value":
        clip_grad_value_(parameters, clip.limit)
    else:
        clip_grad_norm_(parameters, clip.limit)


class Schedule:
    """The learning rate after each epoch: torch's own schedulers, on a stand-in that only holds the rate."""

    def __init__(self, train: TrainSettings) -> None:
        optimizer = self._optimizer = torch.optim.SGD([torch.zeros(())], lr=train.lr)
        self._plateau: ReduceLROnPlateau | None = None
        self._cosine: CosineAnnealingLR | None = None
        settings = train.scheduler
        if settings is not None and settings.name == "plateau":
            self._plateau = ReduceLROnPlateau(
                optimizer,
                mode="max",
                factor=settings.factor,
                patience=settings.patience,
                min_lr=settings.min_lr,
                threshold_mode="abs",  # a relative one takes any score below zero for a gain
            )
        elif settings is not None:
            self._cosine = CosineAnnealingLR(optimizer, T_max=train.epochs, eta_min=settings.min_lr)

    @property
    def lr(self) -> float:
        """The rate in force."""
        return float(self._optimizer.param_groups[0]["lr"])

    def progress(self) -> dict[str, Any]:
        """How far it is, in plain numbers."""
        follows = self._plateau or self._cosine
        told = {} if follows is None else {k: v for k, v in follows.state_dict().items() if _is_plain(v)}
        return {"lr": self.lr, "follows": told}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from what `progress` gave."""
        set_lr(self._optimizer, state["lr"])
        follows = self._plateau or self._cosine
        if follows is not None:
            follows.load_state_dict({**follows.state_dict(), **state["follows"]})

    def step(self, score: float) -> None:
        """End an epoch whose selection score was `score`."""
        if self._plateau is not None:
            self._plateau.step(score)
        elif self._cosine is not None:
            self._optimizer.step()  # does nothing, and torch warns of a schedule that steps without it
            self._cosine.step()


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, int | float | str)


class Stopper:
    """Keeps the first epoch with the highest score, and says when to stop.

    The kept epoch is the plain first maximum. Patience counts epochs since the score last grew by more than
    `min_delta` over the best that counted, as in AttentionRobustV4.
    """

    def __init__(self, patience: int | None, min_delta: float) -> None:
        self.best = -math.inf
        self.best_epoch = -1
        self._patience = patience
        self._min_delta = min_delta
        self._counted = -math.inf
        self._waited = 0

    def improved(self, epoch: int, score: float) -> bool:
        """Take down the score of `epoch`; whether it is the best so far. A score that is not finite never is."""
        score = score if math.isfinite(score) else -math.inf
        if score > self._counted + self._min_delta:
            self._counted = score
            self._waited = 0
        else:
            self._waited += 1
        if score <= self.best:
            return False
        self.best, self.best_epoch = score, epoch
        return True

    def progress(self) -> list[float]:
        """How far it is, in plain numbers."""
        return [self.best, self.best_epoch, self._counted, self._waited]

    def resume(self, state: Sequence[float]) -> None:
        """Go on from what `progress` gave."""
        self.best, self._counted = float(state[0]), float(state[2])
        self.best_epoch, self._waited = int(state[1]), int(state[3])

    @property
    def stop(self) -> bool:
        """Whether patience is at its end."""
        return self._patience is not None and self._waited >= self._patience
