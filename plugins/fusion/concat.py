"""Late fusion: the encodings side by side, through a small multi-layer perceptron (LF-DNN)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, Fused, FusionSpec, Knob, hold_knobs, hookimpl, knob
from ...core.uncertainty import present_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "silu": nn.SiLU}


class ConcatSpec(FusionSpec):
    """Concatenate the encodings, (B, M*H), and map them to H; an absent modality is zeros."""

    name: Literal["concat"] = "concat"

    layers: int = Field(default=2, ge=1)
    """Layers (linear, activation) after the concatenation, each of width H. Source: LF-DNN, 2 before the output."""

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Dropout rate on the concatenation. Source: AttentionRobustV4 plan, the rate of the whole model."""

    activation: Literal["relu", "gelu", "tanh", "silu"] = "relu"
    """After every layer, the last one included. Source: LF-DNN, ReLU."""

    paper: ClassVar[str] = """@inproceedings{williams2018recognizing,
  title = {Recognizing Emotions in Video Using Multimodal {DNN} Feature Fusion},
  author = {Williams, Jennifer and Kleinegesse, Steven and Comanescu, Ramona and Radu, Oana},
  booktitle = {Proceedings of Grand Challenge and Workshop on Human Multimodal Language (Challenge-HML)},
  pages = {11--19},
  year = {2018}
}"""

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module for `len(modalities)` encodings of `width` = H."""
        return Concat(self, len(modalities), width)


class Concat(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` without weights."""

    dropout: Tensor

    def __init__(self, spec: ConcatSpec, modalities: int, width: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        widths = [modalities * width, *[width] * spec.layers]
        layers = [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths)]
        self.layers = nn.Sequential(*(part for layer in layers for part in (layer, ACTIVATIONS[spec.activation]())))

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Drop, then layer and activation by turns."""
        joined = present_means(encoded, present).flatten(start_dim=1)
        joined = functional.dropout(joined, p=cast("float", self.dropout), training=self.training)
        return Fused(vector=self.layers(joined))


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `concat`."""
    return [ConcatSpec]
