"""Frames as an utterance: the mean of the valid frames, then any encoder of utterances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import torch
from pydantic import field_serializer, model_validator
from torch import Tensor, nn

from ...core import Encoded, EncoderSpec, component, hookimpl, own_stream
from ...core.pooling import mean_over_frames

if TYPE_CHECKING:
    from collections.abc import Iterable


class MeanPoolSpec(EncoderSpec):
    """Average the valid frames and encode the mean; `width` is also that of the encoder inside."""

    name: Literal["mean_pool"] = "mean_pool"

    encoder: EncoderSpec = component("mlp")
    """The encoder of the mean, which reads utterances. Its width is this one's: leave `width` out inside."""

    needs: ClassVar[frozenset[str]] = frozenset({"frames"})

    @model_validator(mode="after")
    def _inside_fits(self) -> Self:
        inside = self.encoder
        if "frames" in inside.requirements():
            raise ValueError(
                f"mean_pool gives one vector a sample, and encoder '{inside.name}' reads frames; "
                "name an encoder of utterances inside, such as 'mlp', or use it without mean_pool"
            )
        if "width" in inside.model_fields_set and inside.width != self.width:
            raise ValueError(
                f"mean_pool has width {self.width}, and encoder '{inside.name}' inside says {inside.width}; "
                "say `width` once, on mean_pool"
            )
        return self

    @field_serializer("encoder")
    def _one_width(self, inside: EncoderSpec) -> dict[str, Any]:
        return {field: value for field, value in inside.resolved().items() if field != "width"}

    def requirements(self) -> frozenset[str]:
        """Frames, and what the encoder inside needs besides the utterance that it is given here."""
        return self.needs | (self.encoder.requirements() - {"utterance"})

    def capabilities(self) -> frozenset[str]:
        """What the encoder inside gives."""
        return self.encoder.capabilities()

    def build(self, *, features: int) -> nn.Module:
        """The encoder for `features` = D inputs."""
        return MeanPool(self, features)


class MeanPool(nn.Module):
    """`x (B, T, D)`, `lengths (B,)` to what the encoder inside makes of the mean (B, D)."""

    def __init__(self, spec: MeanPoolSpec, features: int) -> None:
        super().__init__()
        with own_stream("encoder"):
            self.encoder = spec.encoder.model_copy(update={"width": spec.width}).build(features=features)

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode the mean of the first `lengths` (B,) of the frames `x` (B, T, D); the mean of no frame is 0."""
        encoded: Encoded = self.encoder(mean_over_frames(x, lengths), torch.ones_like(lengths))
        return encoded


@hookimpl
def register_encoders() -> Iterable[type[EncoderSpec]]:
    """Offer mean pooling before an encoder of utterances."""
    return [MeanPoolSpec]
