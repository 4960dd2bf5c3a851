"""Tensor fusion (TFN): the outer product of all encodings, so that every interaction has a cell of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, Fused, FusionSpec, Knob, StudyError, hold_knobs, hookimpl, knob, own_stream
from ...core.uncertainty import present_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_WEIGHTS = 2**29
"""Weights of the first layer beyond which a study is refused: 2 GiB in float32, for each copy the optimiser keeps."""


class TensorSpec(FusionSpec):
    """[1; mean_1] x [1; mean_2] x ... in the order of modalities, then dropout and two layers of width H."""

    name: Literal["tensor"] = "tensor"

    projection: int | None = Field(default=16, ge=1)
    """P, the width to which each modality is mapped (linearly) before the outer product, which has (P + 1)^M cells;
    null takes the encodings as they are, P = H, as in the paper. Three modalities at P = 128 make 275 million weights;
    hence a small default, butfor's own choice."""

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Dropout rate on the outer product. Source: AttentionRobustV4 plan, the rate of the whole model."""

    paper: ClassVar[str] = """@inproceedings{zadeh2017tensor,
  title = {Tensor Fusion Network for Multimodal Sentiment Analysis},
  author = {Zadeh, Amir and Chen, Minghai and Poria, Soujanya and Cambria, Erik and Morency, Louis-Philippe},
  booktitle = {Proceedings of the 2017 Conference on Empirical Methods in Natural Language Processing},
  pages = {1103--1114},
  year = {2017}
}"""

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module for encodings of `width` = H. Raises StudyError where the outer product would not fit in memory."""
        cells = ((self.projection or width) + 1) ** len(modalities)
        if cells * width > MOST_WEIGHTS:
            raise StudyError(
                f"fusion 'tensor': {len(modalities)} modalities at projection {self.projection or width} make "
                f"{cells:,} cells, {cells * width:,} weights at width {width}; the most is {MOST_WEIGHTS:,}: "
                "lower `projection`, or take the fusion 'low_rank'"
            )
        return TensorFusion(self, modalities, width)


class TensorFusion(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` without weights."""

    dropout: Tensor

    def __init__(self, spec: TensorSpec, modalities: Sequence[str], width: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.project = nn.ModuleDict()
        for modality in modalities:
            with own_stream(modality):
                self.project[modality] = nn.Linear(width, spec.projection) if spec.projection else nn.Identity()
        cells = ((spec.projection or width) + 1) ** len(modalities)
        self.layers = nn.Sequential(nn.Linear(cells, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())

    def outer(self, encoded: Mapping[str, Encoded], present: Tensor) -> Tensor:
        """All products of one entry of [1; part] for each modality, (B, (P+1)^M); the last modality varies fastest.

        The part of an absent modality is 0, so that only the interactions of the others are left.
        """
        cells = present.new_ones((present.shape[0], 1), dtype=next(iter(encoded.values())).mean.dtype)
        for mean_BH, name, here_B in zip(
            present_means(encoded, present).unbind(dim=1), encoded, present.unbind(dim=1), strict=True
        ):
            part_BP = torch.where(here_B[:, None], self.project[name](mean_BH), 0.0)
            part_BP = torch.cat([torch.ones_like(part_BP[:, :1]), part_BP], dim=1)
            cells = (cells[:, :, None] * part_BP[:, None, :]).flatten(start_dim=1)
        return cells

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Outer product, dropout, two layers."""
        cells = functional.dropout(self.outer(encoded, present), p=cast("float", self.dropout), training=self.training)
        return Fused(vector=self.layers(cells))


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `tensor`."""
    return [TensorSpec]
