"""Product of experts: every modality is a Gaussian opinion, and their product is the fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...core import Encoded, Fused, FusionSpec, hookimpl, masked_softmax
from ...core.uncertainty import present_log_variances, present_means, weigh

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class ProductOfExpertsSpec(FusionSpec):
    """Mean of the product of N(mean_m, sigma_m^2) over what is present: precision-weighted in each dimension."""

    name: Literal["product_of_experts"] = "product_of_experts"

    prior: bool = True
    """Whether N(0, 1) is one more expert, which keeps the product proper when little is present and draws it to 0.
    Without it this is `uncertainty` with the score precision_elementwise. Source: Wu & Goodman 2018, with."""

    needs: ClassVar[frozenset[str]] = frozenset({"variance"})
    paper: ClassVar[str] = """@inproceedings{wu2018multimodal,
  title = {Multimodal Generative Models for Scalable Weakly-Supervised Learning},
  author = {Wu, Mike and Goodman, Noah},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {31},
  year = {2018}
}"""

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:  # noqa: ARG002 - fits any number and width
        """Module without parameters."""
        return ProductOfExperts(prior=self.prior)


class ProductOfExperts(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)`; the weights leave out the prior's share."""

    def __init__(self, *, prior: bool) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Sum of precision times mean over the sum of precisions, as a softmax of log-precisions."""
        log_precisions_BHM = -present_log_variances(encoded, present).transpose(1, 2)
        experts_B1M = present[:, None, :]
        if self.prior:
            log_precisions_BHM = torch.cat([log_precisions_BHM, torch.zeros_like(log_precisions_BHM[..., :1])], dim=-1)
            experts_B1M = torch.cat([experts_B1M, torch.ones_like(experts_B1M[..., :1])], dim=-1)
        weights_BHE = masked_softmax(log_precisions_BHM, experts_B1M.expand_as(log_precisions_BHM))
        return weigh(present_means(encoded, present), weights_BHE[..., : len(encoded)].transpose(1, 2))


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `product_of_experts`."""
    return [ProductOfExpertsSpec]
