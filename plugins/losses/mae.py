"""Mean absolute error of a task with values."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...core import LossSpec, hookimpl, masked_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Outputs, Shapes


class MaeSpec(LossSpec):
    """|prediction - value|, averaged over the labelled rows; the gradient of an exact hit is 0."""

    name: Literal["mae"] = "mae"
    """Which plugin."""

    task: str | None = None
    """A task with values; null takes the one that the term is named after, or the only one."""

    needs: ClassVar[frozenset[str]] = frozenset({"values"})

    def build(self, *, shapes: Shapes) -> Mae:
        """Raises StudyError where the task does not fit."""
        return Mae(shapes.task(self.task, "values").name)


class Mae(nn.Module):
    """Values (B,) of one task to a mean over its labelled rows, 0-d."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        labelled = batch.labelled[self.task]
        error = torch.where(labelled, outputs.predictions[self.task] - batch.targets[self.task], 0.0)
        return masked_mean(error.abs(), labelled)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer the mean absolute error."""
    return [MaeSpec]
