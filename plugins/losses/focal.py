"""Focal loss: cross-entropy that looks away from what is already right.

With label smoothing, a focal factor on the whole smoothed cross-entropy (`focal_on: target`) moves the optimum from
p_t = 1 - smoothing back to p_t = 1, so the smoothing no longer holds the model back; one factor for each class
(`per_class`) moves it too, to about .675 for 6 classes, gamma 2 and smoothing .1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...core import Knob, LossSpec, hold_knobs, hookimpl, knob
from ...core.classification import (
    ClassWeights,
    SmoothingMode,
    labelled_rows,
    mean_of_rows,
    of_class,
    smoothed_targets,
    weight_vector,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Outputs, Shapes


class FocalSpec(LossSpec):
    """alpha_y (1 - p_t)^gamma (-sum_c q_c log p_c), averaged over the labelled rows; p_t is p of the label's class."""

    name: Literal["focal"] = "focal"
    """Which plugin."""

    task: str | None = None
    """A task with classes; null takes the one that the term is named after, or the only one."""

    gamma: Knob = knob(2.0, ge=0)
    """Exponent of 1 - p; 0 gives cross-entropy. Source: Lin et al. 2017 and the AttentionRobustV4 plan, 2."""

    alpha: ClassWeights = None
    """Factor (C,) by the row's class: a list; or `{rule: inverse_frequency | effective_number, counts: [...]}`; null is
    1. Source: AttentionRobustV4 code, null."""

    weight_normalize: bool = False
    """Divide by the sum of the rows' alpha, or else by the number of rows (AttentionRobustV4 code)."""

    smoothing: Knob = knob(0.0, ge=0, le=1)
    """Mass taken from the label's class. Source: the AttentionRobustV4 plan combines .1 with gamma 2."""

    smoothing_mode: SmoothingMode = "k_minus_1"
    """Where that mass goes: `k_minus_1` to the other classes (AttentionRobustV4 code), `k` to all classes (torch)."""

    focal_on: Literal["target", "per_class"] = "target"
    """Whose p the factor reads: of the label's class for the whole sum (AttentionRobustV4 code), or each summand's."""

    needs: ClassVar[frozenset[str]] = frozenset({"classes"})
    paper: ClassVar[str] = """@inproceedings{lin2017focal,
  title     = {Focal Loss for Dense Object Detection},
  author    = {Lin, Tsung-Yi and Goyal, Priya and Girshick, Ross and He, Kaiming and Doll{\\'a}r, Piotr},
  booktitle = {IEEE International Conference on Computer Vision},
  year      = {2017}
}"""

    def build(self, *, shapes: Shapes) -> Focal:
        """Raises StudyError where the task or the number of alphas does not fit."""
        return Focal(self, shapes)


class Focal(nn.Module):
    """Logits (B, C) of one task to a mean over its labelled rows, 0-d."""

    gamma: Tensor
    smoothing: Tensor
    alpha: Tensor

    def __init__(self, spec: FocalSpec, shapes: Shapes) -> None:
        super().__init__()
        hold_knobs(self, spec)
        task = shapes.task(spec.task, "classes")
        self.task = task.name
        self.mode: SmoothingMode = spec.smoothing_mode
        self.per_class = spec.focal_on == "per_class"
        self.normalize = spec.weight_normalize
        self.register_buffer("alpha", weight_vector(spec.alpha, task, shapes, "alpha"), persistent=False)

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        logits, targets, labelled = labelled_rows(outputs, batch, self.task)
        log_p = logits.log_softmax(dim=-1)
        factor = self._factor(log_p if self.per_class else of_class(log_p, targets))
        wanted = smoothed_targets(targets, logits.shape[-1], self.smoothing, self.mode)
        alpha = self.alpha[targets]
        rows = -alpha * (factor * wanted * log_p).sum(dim=-1)
        return mean_of_rows(rows, labelled, alpha if self.normalize else None)

    def _factor(self, log_p: Tensor) -> Tensor:
        """(1 - p)^gamma, with a finite gradient (0) where p rounds to 1 and gamma < 1."""
        rest = -torch.expm1(log_p)
        return rest.clamp(min=torch.finfo(rest.dtype).tiny) ** self.gamma


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer the focal loss."""
    return [FocalSpec]
