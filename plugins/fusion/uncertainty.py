"""Uncertainty-weighted fusion: the surer an encoder is of its encoding, the more it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from torch import Tensor, nn

from ...core import Encoded, Fused, FusionSpec, hold_knobs, hookimpl
from ...core.uncertainty import (
    UncertaintySettings,
    present_log_variances,
    present_means,
    uncertainty_weights,
    weigh,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class UncertaintySpec(UncertaintySettings, FusionSpec):
    """Weigh the means by a score of their standard deviations; no parameters."""

    name: Literal["uncertainty"] = "uncertainty"

    needs: ClassVar[frozenset[str]] = frozenset({"variance"})
    paper: ClassVar[str] = """@inproceedings{zhu2025proxy,
  title = {Proxy-Driven Robust Multimodal Sentiment Analysis with Incomplete Data},
  author = {Zhu, Aoqiang and Hu, Min and Wang, Xiaohua and Yang, Jiaoyun and Tang, Yiming and An, Ning},
  booktitle = {Proceedings of the 63rd Annual Meeting of the Association for Computational Linguistics},
  pages = {22123--22138},
  year = {2025}
}"""

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:  # noqa: ARG002 - fits any number and width
        """Module without parameters."""
        return Uncertainty(self)


class Uncertainty(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` with weights that sum to 1."""

    temperature: Tensor

    def __init__(self, spec: UncertaintySpec) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.score = spec.score
        self.mask_mode = spec.mask_mode

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Weigh the means; zeros where nothing is present."""
        weights = uncertainty_weights(
            present_log_variances(encoded, present),
            present,
            score=self.score,
            temperature=self.temperature,
            mask_mode=self.mask_mode,
        )
        return weigh(present_means(encoded, present), weights)


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `uncertainty`."""
    return [UncertaintySpec]
