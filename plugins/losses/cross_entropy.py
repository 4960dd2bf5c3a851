"""Cross-entropy, with label smoothing and class weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from torch import Tensor, nn

from ...core import Knob, LossSpec, hold_knobs, hookimpl, knob
from ...core.classification import (
    ClassWeights,
    SmoothingMode,
    labelled_rows,
    mean_of_rows,
    smoothed_targets,
    weight_vector,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Outputs, Shapes


class CrossEntropySpec(LossSpec):
    """-sum_c w_c q_c log p_c, averaged over the labelled rows; q is the label, smoothed, and p the softmax."""

    name: Literal["cross_entropy"] = "cross_entropy"
    """Which plugin."""

    task: str | None = None
    """A task with classes; null takes the one that the term is named after, or the only one."""

    smoothing: Knob = knob(0.0, ge=0, le=1)
    """Mass taken from the label's class. Source: AttentionRobustV4 code, which trains without; its plan has .1."""

    smoothing_mode: SmoothingMode = "k_minus_1"
    """Where that mass goes: `k_minus_1` to the other classes (AttentionRobustV4 code), `k` to all classes (torch)."""

    class_weights: ClassWeights = None
    """w (C,): a list; or `{rule: inverse_frequency | effective_number, counts: [...]}`; null weighs all alike."""

    weight_normalize: bool = True
    """Divide by the sum of the weights of the rows' classes (torch), or else by the number of rows."""

    needs: ClassVar[frozenset[str]] = frozenset({"classes"})
    paper: ClassVar[str] = """@inproceedings{szegedy2016rethinking,
  title     = {Rethinking the Inception Architecture for Computer Vision},
  author    = {Szegedy, Christian and Vanhoucke, Vincent and Ioffe, Sergey and Shlens, Jon and Wojna, Zbigniew},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year      = {2016}
}"""

    def build(self, *, shapes: Shapes) -> CrossEntropy:
        """Raises StudyError where the task or the number of class weights does not fit."""
        return CrossEntropy(self, shapes)


class CrossEntropy(nn.Module):
    """Logits (B, C) of one task to a mean over its labelled rows, 0-d."""

    smoothing: Tensor
    class_weights: Tensor

    def __init__(self, spec: CrossEntropySpec, shapes: Shapes) -> None:
        super().__init__()
        hold_knobs(self, spec)
        task = shapes.task(spec.task, "classes")
        self.task = task.name
        self.mode: SmoothingMode = spec.smoothing_mode
        self.normalize = spec.weight_normalize
        weights = weight_vector(spec.class_weights, task, shapes, "class_weights")
        self.register_buffer("class_weights", weights, persistent=False)

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        logits, targets, labelled = labelled_rows(outputs, batch, self.task)
        wanted = smoothed_targets(targets, logits.shape[-1], self.smoothing, self.mode)
        rows = -(wanted * self.class_weights * logits.log_softmax(dim=-1)).sum(dim=-1)
        return mean_of_rows(rows, labelled, self.class_weights[targets] if self.normalize else None)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer cross-entropy."""
    return [CrossEntropySpec]
