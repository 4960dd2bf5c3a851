"""What terms of the loss for classes share: smoothed targets, class weights, means without the unlabelled rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field

from .errors import StudyError
from .specs import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from .batch import Batch, Outputs, Shapes
    from .dataset import Task

SmoothingMode = Literal["k_minus_1", "k"]
"""Where the smoothed-away mass goes: to the C - 1 other classes, or to all C (as torch has it)."""

Counts = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


class InverseFrequency(Settings):
    """Weigh a class by N / (C n_c), for N rows, n_c of them of class c; its mean over the rows is 1."""

    rule: Literal["inverse_frequency"] = "inverse_frequency"
    """Which rule."""

    counts: Counts
    """(C,) training rows of each class, in the order of the classes."""

    def weights(self) -> tuple[float, ...]:
        """(C,)."""
        return tuple(sum(self.counts) / (len(self.counts) * count) for count in self.counts)


class EffectiveNumber(Settings):
    """Weigh a class by (1 - beta) / (1 - beta^n_c), scaled to sum to C (Cui et al., CVPR 2019)."""

    rule: Literal["effective_number"] = "effective_number"
    """Which rule."""

    counts: Counts
    """(C,) training rows of each class, in the order of the classes."""

    beta: float = Field(default=0.999, ge=0, lt=1)
    """0 weighs all classes alike, towards 1 it tends to the inverse frequency. Source: Cui et al., from .9 to .9999."""

    def weights(self) -> tuple[float, ...]:
        """(C,)."""
        raw = [(1 - self.beta) / (1 - self.beta**count) for count in self.counts]
        return tuple(weight * len(raw) / sum(raw) for weight in raw)


ByCounts = Annotated[InverseFrequency | EffectiveNumber, Field(discriminator="rule")]
ClassWeights = tuple[Annotated[float, Field(ge=0)], ...] | ByCounts | None
"""A number for each class, a rule that makes them from the classes' counts, or none."""


def weight_vector(weights: ClassWeights, task: Task, shapes: Shapes, setting: str) -> Tensor:
    """(C,) in the default dtype; ones for None. Raises StudyError where `weights` do not fit the classes of `task`."""
    if weights is None:
        return torch.ones(task.num_outputs)
    values = weights if isinstance(weights, tuple) else weights.weights()
    if len(values) != task.num_outputs:
        raise StudyError(
            f"loss term '{shapes.term}': `{setting}` is for {len(values)} classes, and task '{task.name}' has "
            f"{task.num_outputs} ({', '.join(task.classes)}); give one number for each, in this order"
        )
    if not any(values):
        raise StudyError(f"loss term '{shapes.term}': `{setting}` is 0 for every class; remove the term instead")
    return torch.tensor(values, dtype=torch.get_default_dtype())


def labelled_rows(outputs: Outputs, batch: Batch, task: str) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (B, C), class numbers (B,) and what is labelled (B,); rows without a label are 0 and get no gradient."""
    labelled = batch.labelled[task]
    logits = torch.where(labelled[:, None], outputs.predictions[task], 0.0)
    return logits, torch.where(labelled, batch.targets[task], 0), labelled


def smoothed_targets(targets: Tensor, classes: int, smoothing: Tensor, mode: SmoothingMode) -> Tensor:
    """(B,) class numbers to (B, C) distributions.

    `k_minus_1`: 1 - smoothing for the class itself and smoothing / (C - 1) for each other; `k`: smoothing / C for every
    class, and the class itself 1 - smoothing more.
    """
    chosen = targets[:, None] == torch.arange(classes, device=targets.device)
    if mode == "k":
        return torch.where(chosen, 1 - smoothing + smoothing / classes, smoothing / classes)
    return torch.where(chosen, 1 - smoothing, smoothing / max(classes - 1, 1))


def of_class(values: Tensor, targets: Tensor) -> Tensor:
    """(B, 1) of `values` (B, C) in the columns `targets` (B,); a choice, since scattering back waits on a GPU."""
    chosen = targets[:, None] == torch.arange(values.shape[-1], device=targets.device)
    return torch.where(chosen, values, 0.0).sum(dim=-1, keepdim=True)


def mean_of_rows(rows: Tensor, labelled: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum of the labelled `rows` (B,) over the number of them, or over the sum of their `weights` (B,); 0 if none."""
    total = labelled.sum() if weights is None else torch.where(labelled, weights, 0.0).sum()
    return torch.where(labelled, rows, 0.0).sum() / torch.where(total > 0, total, 1)
