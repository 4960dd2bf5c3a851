"""Smooth L1: squared near zero, absolute beyond; less moved by outliers than the squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from ...core import Knob, LossSpec, hookimpl, knob
from ...core.regression import ValueLoss, ValueLossSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Shapes


class SmoothL1Spec(ValueLossSpec):
    """e^2 / (2 beta) where |e| < beta, else |e| - beta / 2, averaged over the labelled rows; Huber's loss over beta."""

    name: Literal["smooth_l1"] = "smooth_l1"
    """Which plugin."""

    beta: Knob = knob(0.8, gt=0)
    """The error at which the square gives way, in units of the task. Source: AttentionRobust V7, .8."""

    paper: ClassVar[str] = """@inproceedings{girshick2015fast,
  title     = {Fast {R-CNN}},
  author    = {Girshick, Ross},
  booktitle = {IEEE International Conference on Computer Vision},
  year      = {2015}
}"""

    def build(self, *, shapes: Shapes) -> SmoothL1:
        """Raises StudyError where the task does not fit."""
        return SmoothL1(self, shapes)


class SmoothL1(ValueLoss):
    """Values (B,) of one task to a mean over its labelled rows, 0-d."""

    beta: Tensor

    def penalty(self, error: Tensor) -> Tensor:
        """Squared below `beta`, absolute beyond."""
        size = error.abs()
        return torch.where(size < self.beta, size.square() / (2 * self.beta), size - self.beta / 2)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer smooth L1."""
    return [SmoothL1Spec]
