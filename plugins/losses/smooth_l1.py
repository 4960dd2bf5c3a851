"""Smooth L1: squared near zero, absolute beyond; less moved by outliers than the squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...core import Knob, LossSpec, hold_knobs, hookimpl, knob, masked_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Outputs, Shapes


class SmoothL1Spec(LossSpec):
    """e^2 / (2 beta) where |e| < beta, else |e| - beta / 2, averaged over the labelled rows; Huber's loss over beta."""

    name: Literal["smooth_l1"] = "smooth_l1"
    """Which plugin."""

    task: str | None = None
    """A task with values; null takes the one that the term is named after, or the only one."""

    beta: Knob = knob(0.8, gt=0)
    """The error at which the square gives way, in units of the task. Source: AttentionRobust V7, .8."""

    needs: ClassVar[frozenset[str]] = frozenset({"values"})
    paper: ClassVar[str] = """@inproceedings{girshick2015fast,
  title     = {Fast {R-CNN}},
  author    = {Girshick, Ross},
  booktitle = {IEEE International Conference on Computer Vision},
  year      = {2015}
}"""

    def build(self, *, shapes: Shapes) -> SmoothL1:
        """Raises StudyError where the task does not fit."""
        return SmoothL1(self, shapes.task(self.task, "values").name)


class SmoothL1(nn.Module):
    """Values (B,) of one task to a mean over its labelled rows, 0-d."""

    beta: Tensor

    def __init__(self, spec: SmoothL1Spec, task: str) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.task = task

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        labelled = batch.labelled[self.task]
        error = torch.where(labelled, outputs.predictions[self.task] - batch.targets[self.task], 0.0).abs()
        rows = torch.where(error < self.beta, error.square() / (2 * self.beta), error - self.beta / 2)
        return masked_mean(rows, labelled)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer smooth L1."""
    return [SmoothL1Spec]
