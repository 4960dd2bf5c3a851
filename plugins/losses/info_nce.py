"""InfoNCE between modalities: of all rows of the batch, find the one that the other modality's encoding is of.

A row counts only where both modalities of a pair are present, as anchor and as negative. With one modality there is no
pair and the term is 0; a single row has no negative and gives 0 too. The floor of the term depends on the batch size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ...core import Knob, LossSpec, hold_knobs, hookimpl, knob, masked_mean, own_stream
from ...core.pairs import Pairs, resolve_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Outputs, Shapes

ZERO = 1e-24
"""Squared length up to which a projection counts as the zero vector, without direction and without gradient."""


class InfoNceSpec(LossSpec):
    """Cross-entropy of cosine / temperature of every row against all rows, averaged over rows, ways and pairs."""

    name: Literal["info_nce"] = "info_nce"
    """Which plugin."""

    weight: Knob = knob(0.1, ge=0)
    """Factor of the term in the total. Source: AttentionRobustV4 plan, .1."""

    temperature: Knob = knob(0.07, gt=0)
    """Divides the cosines; where `learnable`, the starting value. Source: AttentionRobustV4 plan, .07."""

    learnable: bool = False
    """Learn a factor on the temperature, through its logarithm, as CLIP does. Source: AttentionRobustV4 code, no."""

    projection: int = Field(default=64, ge=1)
    """P, the width of the projections that are compared. Source: AttentionRobustV4 code, 64."""

    pairs: Pairs | None = None
    """`[[text, audio], ...]`; null takes every two modalities. A pair is left out where the cell lacks a modality."""

    direction: Literal["bi", "uni"] = "bi"
    """`bi`: the mean of finding the second from the first and the first from the second (AttentionRobustV4 code).
    `uni`: the second from the first, in the order of modalities or as `pairs` say."""

    negatives: Literal["all", "different_label"] = "all"
    """`all`: every other row (AttentionRobustV4 code). `different_label`: only rows of another class; a row without a
    label is different from all."""

    task: str | None = None
    """For `different_label`, a task with classes; null takes the only one."""

    paper: ClassVar[str] = """@article{oord2018representation,
  title   = {Representation Learning with Contrastive Predictive Coding},
  author  = {van den Oord, Aaron and Li, Yazhe and Vinyals, Oriol},
  journal = {arXiv preprint arXiv:1807.03748},
  year    = {2018}
}"""

    @model_validator(mode="after")
    def _task_needs_labels(self) -> InfoNceSpec:
        if self.task is not None and self.negatives == "all":
            raise ValueError("`task` is read only with `negatives: different_label`")
        return self

    def requirements(self) -> frozenset[str]:
        """Classes, where labels choose the negatives."""
        return super().requirements() | (frozenset() if self.negatives == "all" else frozenset({"classes"}))

    def build(self, *, shapes: Shapes) -> InfoNce:
        """Raises StudyError for an unknown task, or `pairs` that name no modality of the cell or misspell one."""
        return InfoNce(self, shapes)


class InfoNce(nn.Module):
    """Means (B, H) of every modality to a 0-d loss; a projection Lin(H, H), ReLU, Lin(H, P) for each."""

    temperature: Tensor

    def __init__(self, spec: InfoNceSpec, shapes: Shapes) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.pairs = resolve_pairs(spec.pairs, shapes)
        self.column = {name: index for index, name in enumerate(shapes.modalities)}
        self.both_ways = spec.direction == "bi"
        self.task = None if spec.negatives == "all" else shapes.unasked().task(spec.task, "classes").name
        self.log_factor = nn.Parameter(torch.zeros(())) if spec.learnable else None
        self.heads = nn.ModuleDict()
        for name in shapes.modalities:
            if any(name in pair for pair in self.pairs):
                with own_stream(name):
                    self.heads[name] = nn.Sequential(
                        nn.Linear(shapes.width, shapes.width), nn.ReLU(), nn.Linear(shapes.width, spec.projection)
                    )

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        if not self.pairs:
            return outputs.fused.vector.new_zeros(())
        unit = {}
        for name, head in self.heads.items():
            here = batch.present[:, self.column[name], None]
            unit[name] = _unit(head(torch.where(here, outputs.encoded[name].mean, 0.0)))
        same = self._same_label(batch)
        temperature = self.temperature if self.log_factor is None else self.temperature * self.log_factor.exp()
        terms = []
        for first, second in self.pairs:
            both = batch.present[:, self.column[first]] & batch.present[:, self.column[second]]
            scores_BB = unit[first] @ unit[second].T / temperature
            terms.append(self._find(scores_BB, both, same))
        return torch.stack(terms).mean()

    def _find(self, scores_BB: Tensor, both: Tensor, same: Tensor | None) -> Tensor:
        """Mean of -log softmax of the diagonal among what is comparable, one way or both."""
        comparable = both[None, :].expand_as(scores_BB)
        if same is not None:
            comparable = comparable & ~same
        lowest = torch.finfo(scores_BB.dtype).min
        ways = [scores_BB, scores_BB.T] if self.both_ways else [scores_BB]
        found = [-torch.where(comparable, way, lowest).log_softmax(dim=1).diagonal() for way in ways]
        return torch.stack([masked_mean(rows, both) for rows in found]).mean()

    def _same_label(self, batch: Batch) -> Tensor | None:
        """(B, B): another row with the same known class; None where labels do not matter."""
        if self.task is None:
            return None
        targets, labelled = batch.targets[self.task], batch.labelled[self.task]
        same = (targets[:, None] == targets[None, :]) & labelled[:, None] & labelled[None, :]
        rows = torch.arange(len(targets), device=targets.device)
        return same & (rows[:, None] != rows[None, :])


def _unit(vectors: Tensor) -> Tensor:
    """(B, P) scaled to length 1; a zero vector stays 0 and gets no gradient, instead of an unbounded one."""
    squared = vectors.square().sum(dim=-1, keepdim=True)
    directed = squared > ZERO
    return torch.where(directed, vectors * torch.where(directed, squared, 1.0).rsqrt(), 0.0)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer InfoNCE between modalities."""
    return [InfoNceSpec]
