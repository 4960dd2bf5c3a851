"""Gated uncertainty fusion: half the weight follows the encoders' variances, half a gate that reads all encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self, cast

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, Fused, FusionSpec, Knob, hold_knobs, hookimpl, knob, masked_softmax
from ...core.uncertainty import (
    UncertaintySettings,
    present_log_variances,
    present_means,
    uncertainty_weights,
    weigh,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class GatedUncertaintySpec(UncertaintySettings, FusionSpec):
    """Weights alpha * uncertainty + (1 - alpha) * gate, where the gate is a network on all means."""

    name: Literal["gated_uncertainty"] = "gated_uncertainty"

    gate_alpha: Knob = knob(0.5, ge=0, le=1)
    """alpha, the share of the uncertainty: 1 is plain `uncertainty`, 0 the gate alone. Where `alpha` is learned, the
    share at the start. Source: AttentionRobustV4 plan, 0.5 (V8 and V9: 0.55)."""

    alpha: Literal["fixed", "learned"] = "fixed"
    """fixed: the share stays `gate_alpha`; learned: it is trained, as the sigmoid of a number, so it stays in (0, 1).
    Source: AttentionRobustV4 plan, fixed."""

    gate: Literal["softmax", "sigmoid", "sigmoid_normalized"] = "softmax"
    """What the gate does with its scores. softmax: they sum to 1, as in the V4 code; sigmoid: each by itself, as the
    plan's text says, so that the weights need not sum to 1; sigmoid_normalized: sigmoids over their sum."""

    gate_dropout: Knob = knob(0.1, ge=0, lt=1)
    """Dropout rate inside the gate. Source: V4 code, 0.1."""

    needs: ClassVar[frozenset[str]] = frozenset({"variance"})

    @model_validator(mode="after")
    def _learned_share_can_move(self) -> Self:
        if self.alpha == "learned" and not 0 < self.gate_alpha < 1:
            raise ValueError(
                f"alpha: learned starts at gate_alpha, and a sigmoid never leaves {self.gate_alpha:g}; "
                "set gate_alpha between 0 and 1 (0.5), or alpha: fixed"
            )
        return self

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module for `len(modalities)` = M encodings of `width` = H."""
        return GatedUncertainty(self, len(modalities), width)


class GatedUncertainty(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` with weights."""

    temperature: Tensor
    gate_alpha: Tensor
    gate_dropout: Tensor

    def __init__(self, spec: GatedUncertaintySpec, modalities: int, width: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.score = spec.score
        self.mask_mode = spec.mask_mode
        self.gate = spec.gate
        self.gate_hidden = nn.Linear(modalities * width, width)
        self.gate_scores = nn.Linear(width, modalities)
        self.alpha_shift = nn.Parameter(torch.zeros(())) if spec.alpha == "learned" else None

    def share(self) -> Tensor:
        """Share of the uncertainty, (): the knob, or sigmoid(logit(knob) + what was learned)."""
        if self.alpha_shift is None:
            return self.gate_alpha
        return (self.gate_alpha.logit() + self.alpha_shift).sigmoid()

    def gate_weights(self, means_BMH: Tensor, seen: Tensor) -> Tensor:
        """What the gate says of the means (B, M, H): weights (B, M), 0 where not `seen` (B, M)."""
        hidden = functional.gelu(self.gate_hidden(means_BMH.flatten(start_dim=1)))
        hidden = functional.dropout(hidden, p=cast("float", self.gate_dropout), training=self.training)
        scores_BM: Tensor = self.gate_scores(hidden)
        if self.gate == "sigmoid":
            return torch.where(seen, scores_BM.sigmoid(), 0.0)
        return masked_softmax(scores_BM if self.gate == "softmax" else functional.logsigmoid(scores_BM), seen)

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Mix both kinds of weights and weigh the means; zeros where nothing is present."""
        means_BMH = present_means(encoded, present)
        weights = uncertainty_weights(
            present_log_variances(encoded, present),
            present,
            score=self.score,
            temperature=self.temperature,
            mask_mode=self.mask_mode,
        )
        seen = present if self.mask_mode == "masked_softmax" else present.any(dim=1, keepdim=True).expand_as(present)
        gate_BM1 = self.gate_weights(means_BMH, seen)[:, :, None]
        alpha = self.share()
        return weigh(means_BMH, alpha * weights + (1 - alpha) * gate_BM1)


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `gated_uncertainty`."""
    return [GatedUncertaintySpec]
