"""Attention fusion of MERBench: a network reads all encodings and gives each modality one weight."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, Fused, FusionSpec, Knob, hold_knobs, hookimpl, knob, masked_softmax
from ...core.uncertainty import present_means, weigh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class AttentionSpec(FusionSpec):
    """Weights alpha = Lin(H -> M)(MLP(concatenation)), vector = sum of alpha_m times mean_m."""

    name: Literal["attention"] = "attention"

    normalise: Literal["softmax", "none"] = "softmax"
    """softmax: the weights of the modalities that are present sum to 1, as AttentionRobust does;
    none: the numbers themselves, unbounded and perhaps negative, as MERBench does; 0 where absent."""

    layers: int = Field(default=3, ge=1)
    """Layers (linear, ReLU) of the network before the last map. Source: the MLP encoder of MERBench, 3."""

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Dropout rate on the concatenation. Source: AttentionRobustV4 plan, the rate of the whole model."""

    paper: ClassVar[str] = """@article{lian2024merbench,
  title = {{MERBench}: A Unified Evaluation Benchmark for Multimodal Emotion Recognition},
  author = {Lian, Zheng and Sun, Licai and Ren, Yong and Gu, Hao and Sun, Haiyang and Chen, Lan and Liu, Bin
            and Tao, Jianhua},
  journal = {arXiv preprint arXiv:2401.03429},
  year = {2024}
}"""

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module for `len(modalities)` = M encodings of `width` = H."""
        return Attention(self, len(modalities), width)


class Attention(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` with weights."""

    dropout: Tensor

    def __init__(self, spec: AttentionSpec, modalities: int, width: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.normalise = spec.normalise
        widths = [modalities * width, *[width] * spec.layers]
        layers = [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths)]
        self.hidden = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU())))
        self.scores = nn.Linear(width, modalities)

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Weigh the means by what the network says of all of them."""
        means_BMH = present_means(encoded, present)
        joined = functional.dropout(
            means_BMH.flatten(start_dim=1), p=cast("float", self.dropout), training=self.training
        )
        scores_BM = self.scores(self.hidden(joined))
        if self.normalise == "softmax":
            weights_BM = masked_softmax(scores_BM, present)
        else:
            weights_BM = torch.where(present, scores_BM, 0.0)
        return weigh(means_BMH, weights_BM[:, :, None])


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `attention`."""
    return [AttentionSpec]
