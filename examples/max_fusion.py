"""Max fusion, in one file beside the study: `plugins: [./max_fusion.py]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from butfor.core import Encoded, Fused, FusionSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class MaxSpec(FusionSpec):
    """Keep the largest value of each dimension among the modalities that are present."""

    name: Literal["max"] = "max"

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:  # noqa: ARG002 - fits any number and width
        """Module without parameters."""
        return Max()


class Max(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)`; zeros where nothing is present."""

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """The largest of what is present."""
        stacked = torch.stack([one.mean for one in encoded.values()], dim=1)
        lowest = torch.finfo(stacked.dtype).min
        largest = torch.where(present[:, :, None], stacked, lowest).amax(dim=1)
        return Fused(torch.where(present.any(dim=1, keepdim=True), largest, 0.0))


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `max`."""
    return [MaxSpec]
