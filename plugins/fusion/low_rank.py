"""Low-rank fusion (LMF): tensor fusion whose weight is a sum of few rank-one terms, so the tensor is never made."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ...core import Encoded, Fused, FusionSpec, hookimpl, own_stream
from ...core.uncertainty import present_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class LowRankSpec(FusionSpec):
    """Sum over r of omega_r times the product over m of [1; mean_m] W_m^(r), plus a bias."""

    name: Literal["low_rank"] = "low_rank"

    rank: int = Field(default=4, ge=1)
    """R, the number of rank-one terms. Source: Liu et al. 2018 use few; MERBench searches 3 to 6."""

    paper: ClassVar[str] = """@inproceedings{liu2018efficient,
  title = {Efficient Low-rank Multimodal Fusion With Modality-Specific Factors},
  author = {Liu, Zhun and Shen, Ying and Lakshminarasimhan, Varun Bharadhwaj and Liang, Paul Pu
            and Zadeh, AmirAli Bagher and Morency, Louis-Philippe},
  booktitle = {Proceedings of the 56th Annual Meeting of the Association for Computational Linguistics},
  pages = {2247--2256},
  year = {2018}
}"""

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module for encodings of `width` = H."""
        return LowRank(self, modalities, width)


class LowRank(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` without weights."""

    def __init__(self, spec: LowRankSpec, modalities: Sequence[str], width: int) -> None:
        super().__init__()
        self.factors = nn.ParameterDict()
        for modality in modalities:
            with own_stream(modality):
                terms = [nn.init.xavier_normal_(torch.empty(width + 1, width)) for _ in range(spec.rank)]
                self.factors[modality] = nn.Parameter(torch.stack(terms))
        self.rank_weights = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, spec.rank)))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Product over the modalities of their factors; an absent one leaves only what its constant 1 gives."""
        product = self.bias.new_ones(())
        for name, mean_BH in zip(encoded, present_means(encoded, present).unbind(dim=1), strict=True):
            factor_RIH = self.factors[name]
            product = product * (factor_RIH[:, :1] + torch.einsum("bi,rih->rbh", mean_BH, factor_RIH[:, 1:]))
        return Fused(vector=torch.einsum("r,rbh->bh", self.rank_weights[0], product) + self.bias)


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `low_rank`."""
    return [LowRankSpec]
