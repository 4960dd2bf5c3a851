"""Mean fusion: every modality that is present counts the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn

from ...core import Encoded, Fused, FusionSpec, hookimpl
from ...core.uncertainty import present_means, weigh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class MeanSpec(FusionSpec):
    """The plain mean over the modalities that are present: the control for every fusion that weighs them."""

    name: Literal["mean"] = "mean"

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:  # noqa: ARG002 - fits any number and width
        """Module without parameters."""
        return Mean()


class Mean(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` with weights 1 / number present."""

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Sum of what is present over its number; zeros where nothing is."""
        means_BMH = present_means(encoded, present)
        weights_BM1 = present[:, :, None].to(means_BMH.dtype) / present.sum(dim=1).clamp(min=1)[:, None, None]
        return weigh(means_BMH, weights_BM1)


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `mean`."""
    return [MeanSpec]
