"""What terms of the loss for values share: the task, and the mean of a penalty over its labelled rows."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from .modules import hold_knobs, masked_mean
from .specs import LossSpec

if TYPE_CHECKING:
    from .batch import Batch, Outputs, Shapes


class ValueLossSpec(LossSpec):
    """A term that penalises the error of a task with values."""

    task: str | None = None
    """A task with values; null takes the one that the term is named after, or the only one."""

    needs: ClassVar[frozenset[str]] = frozenset({"values"})


class ValueLoss(nn.Module):
    """Values (B,) of one task to the mean penalty of its labelled rows, 0-d; StudyError where the task does not fit."""

    def __init__(self, spec: ValueLossSpec, shapes: Shapes) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.task = shapes.task(spec.task, "values").name

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        labelled = batch.labelled[self.task]
        error = torch.where(labelled, outputs.predictions[self.task] - batch.targets[self.task], 0.0)
        return masked_mean(self.penalty(error), labelled)

    @abstractmethod
    def penalty(self, error: Tensor) -> Tensor:
        """Of each error (B,)."""
