"""What fusions share: the means of all modalities as one tensor, and weights from how sure each encoder is.

sigma = exp(log_variance / 2). Every score becomes weights by a softmax over the modalities, so none overflows: a weight
that is proportional to x is the softmax of log x.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch

from .batch import Encoded, Fused
from .errors import StudyError
from .markers import Knob, knob
from .modules import masked_softmax
from .specs import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

Score = Literal[
    "inv_sigma_softmax",
    "neg_sigma_softmax",
    "normalized_inv_sigma",
    "precision",
    "precision_elementwise",
    "elementwise",
    "mean_var_softmax",
]
MaskMode = Literal["masked_softmax", "sigma_1e6"]

EPSILON = 1e-6
"""Added to a mean sigma or variance before it is inverted. Source: AttentionRobustV4 plan."""
ABSENT_SIGMA = 1e6
"""Sigma of an absent modality where `mask_mode` is sigma_1e6. Source: AttentionRobustV4 plan."""


class UncertaintySettings(Settings):
    """How uncertainties become weights: for the specs of fusions that weigh by them."""

    score: Score = "inv_sigma_softmax"
    """How the sigmas (B, M, H) become weights w, with u = the mean of sigma over H and T the temperature.
    inv_sigma_softmax: softmax(1 / (u + 1e-6) / T), the AttentionRobustV4 plan and the default;
    neg_sigma_softmax: softmax(-u / T); normalized_inv_sigma: w proportional to (1 / u)^(1/T);
    precision: w proportional to (1 / mean sigma^2)^(1/T); mean_var_softmax: softmax(1 / (mean sigma^2 + 1e-6) / T).
    Each dimension by itself: precision_elementwise: w proportional to (1 / sigma^2)^(1/T), the mean of a product of
    experts at T = 1; elementwise: softmax(1 / sigma / T), as in P-RMF."""

    temperature: Knob = knob(1.0, gt=0)
    """T, which divides the scores; below 1 sharpens the weights. Source: AttentionRobustV4 plan, 1."""

    mask_mode: MaskMode = "masked_softmax"
    """masked_softmax: an absent modality gets weight 0 and the others share 1, as if it were not in the list.
    sigma_1e6: as the AttentionRobustV4 code does, an absent modality gets sigma = 1e6 and keeps part of the weight
    (15.5 % at sigma = 1, 1, 1e6), which shrinks the result because its mean is 0."""


def present_means(encoded: Mapping[str, Encoded], present: Tensor) -> Tensor:
    """Means of all modalities (B, M, H), for `present` (B, M); exactly 0, without gradient, where absent."""
    means_BMH = torch.stack([part.mean for part in encoded.values()], dim=1)
    return torch.where(present[:, :, None], means_BMH, 0.0)


def present_log_variances(encoded: Mapping[str, Encoded], present: Tensor) -> Tensor:
    """Log-variances of all modalities (B, M, H); 0, without gradient, where absent.

    Raises StudyError where an encoder gives none.
    """
    known = {name: part.log_variance for name, part in encoded.items() if part.log_variance is not None}
    if len(known) < len(encoded):
        without = ", ".join(f"'{name}'" for name in encoded if name not in known)
        raise StudyError(
            f"the fusion weighs by variance, and the encoder of {without} gives none; choose one that does"
        )
    return torch.where(present[:, :, None], torch.stack(list(known.values()), dim=1), 0.0)


def uncertainty_scores(log_variances: Tensor, score: Score) -> Tensor:
    """Scores whose softmax over the modalities (at T = 1) are the weights: (B, M, H) to (B, M, 1), or (B, M, H)."""
    if score == "elementwise":
        return (-log_variances / 2).exp()
    if score == "precision_elementwise":
        return -log_variances
    power = 1.0 if score in {"precision", "mean_var_softmax"} else 0.5
    exponents = power * log_variances
    if score in {"precision", "normalized_inv_sigma"}:
        return math.log(log_variances.shape[-1]) - exponents.logsumexp(dim=-1, keepdim=True)
    size_BM1 = exponents.exp().mean(dim=-1, keepdim=True)
    return -size_BM1 if score == "neg_sigma_softmax" else 1.0 / (size_BM1 + EPSILON)


def uncertainty_weights(
    log_variances: Tensor, present: Tensor, *, score: Score, temperature: Tensor, mask_mode: MaskMode
) -> Tensor:
    """Weights (B, M, 1), or (B, M, H) for scores by dimension; they sum to 1 over M, or are 0 where nothing is present.

    `log_variances` (B, M, H), `present` bool (B, M), `temperature` (). An absent modality gets no gradient.
    """
    seen = present
    if mask_mode == "sigma_1e6":
        log_variances = torch.where(present[:, :, None], log_variances, 2 * math.log(ABSENT_SIGMA))
        seen = present.any(dim=-1, keepdim=True).expand_as(present)
    scores_BSM = uncertainty_scores(log_variances, score).transpose(1, 2) / temperature
    return masked_softmax(scores_BSM, seen[:, None, :].expand_as(scores_BSM)).transpose(1, 2)


def weigh(means: Tensor, weights: Tensor) -> Fused:
    """Sum of `means` (B, M, H) by `weights` (B, M, 1 or H), told as (B, M): the mean over the dimensions."""
    return Fused(vector=(weights * means).sum(dim=1), weights=weights.mean(dim=-1))
