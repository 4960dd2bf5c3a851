"""One step of the optimisers of a stack, each on its row of weights: torch's fused kernels, called directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from ..study.settings import TrainSettings
    from .flat import FlatRows

BETAS = (0.9, 0.999)
EPS = 1e-8
"""Torch's defaults of Adam and AdamW, which the loop that trains one at a time leaves as they are."""


class Recipe(NamedTuple):
    """How a row moves. Rows with the same recipe move in one call."""

    optimizer: str
    lr: float
    weight_decay: float
    momentum: float
    norm: float | None
    """Limit of the gradient's norm."""
    value: float | None
    """Limit of each element of the gradient."""
    fresh: bool
    """Whether this is the first step."""


def recipe(train: TrainSettings, lr: float, *, fresh: bool) -> Recipe:
    """The recipe of a trial at a learning rate."""
    limits = {train.clip.by: train.clip.limit} if train.clip is not None else {}
    return Recipe(
        train.optimizer, lr, train.weight_decay, train.momentum, limits.get("norm"), limits.get("value"), fresh
    )


def update(rows: FlatRows, recipes: Iterable[tuple[int, Recipe]]) -> None:
    """Step each (row, recipe)."""
    together: dict[Recipe, list[int]] = {}
    for row, how in recipes:
        together.setdefault(how, []).append(row)
    norms = rows.norms() if any(how.norm is not None for how in together) else []
    for how, members in together.items():
        for row in members:
            if how.norm is not None:
                _clip(rows.gradients[row], norms[row], how.norm)
            if how.value is not None:
                rows.gradients[row].clamp_(-how.value, how.value)
        _step(how, [list(block) for block in zip(*(rows.rows[row] for row in members), strict=True)])


def _step(how: Recipe, blocks: Sequence[list[Tensor]]) -> None:
    """Torch's kernel over rows; torch.optim, which ends in it, costs ten times as much a row. A test guards both."""
    weights, gradients, first, second, steps = blocks
    if how.optimizer == "sgd":
        torch._fused_sgd_(
            weights,
            gradients,
            first if how.momentum else [],
            weight_decay=how.weight_decay,
            momentum=how.momentum,
            lr=how.lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=how.fresh and bool(how.momentum),
        )
        return
    torch._foreach_add_(steps, 1.0)
    kernel = torch._fused_adamw_ if how.optimizer == "adamw" else torch._fused_adam_
    kernel(
        weights,
        gradients,
        first,
        second,
        [],
        steps,
        lr=how.lr,
        beta1=BETAS[0],
        beta2=BETAS[1],
        weight_decay=how.weight_decay,
        eps=EPS,
        amsgrad=False,
        maximize=False,
    )


def _clip(gradient: Tensor, norm: float, limit: float) -> None:
    """Bring its `norm` down to `limit`, as torch's `clip_grad_norm_` does."""
    factor = limit / (norm + 1e-6)
    if not factor >= 1.0:  # not a number makes all of it not a number
        gradient.mul_(factor)
