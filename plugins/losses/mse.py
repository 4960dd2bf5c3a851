"""Mean squared error of a task with values."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...core import LossSpec, hookimpl, masked_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Outputs, Shapes


class MseSpec(LossSpec):
    """(prediction - value)^2, averaged over the labelled rows. Source: AttentionRobustV4 plan, for valence."""

    name: Literal["mse"] = "mse"
    """Which plugin."""

    task: str | None = None
    """A task with values; null takes the one that the term is named after, or the only one."""

    needs: ClassVar[frozenset[str]] = frozenset({"values"})

    def build(self, *, shapes: Shapes) -> Mse:
        """Raises StudyError where the task does not fit."""
        return Mse(shapes.task(self.task, "values").name)


class Mse(nn.Module):
    """Values (B,) of one task to a mean over its labelled rows, 0-d."""

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task = task

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        labelled = batch.labelled[self.task]
        error = torch.where(labelled, outputs.predictions[self.task] - batch.targets[self.task], 0.0)
        return masked_mean(error.square(), labelled)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer the mean squared error."""
    return [MseSpec]
