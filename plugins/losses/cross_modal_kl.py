"""Divergence between the encodings of every two modalities: they should say the same of the same sample.

A pair counts only in rows where both modalities are present. With one modality there is no pair and the term is 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...core import Knob, LossSpec, TrainingError, hookimpl, knob, masked_mean
from ...core.pairs import Pairs, resolve_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Encoded, Outputs, Shapes

EPS = 1e-6
"""Added to variances by `eps_mode` `code` and `consistent`. Source: AttentionRobustV4 code."""


class CrossModalKlSpec(LossSpec):
    """KL(N_i || N_j) over H and the rows that have both modalities, averaged over the pairs (i, j)."""

    name: Literal["cross_modal_kl"] = "cross_modal_kl"
    """Which plugin."""

    weight: Knob = knob(0.01, ge=0)
    """Factor of the term in the total. Source: AttentionRobustV4 plan, .01."""

    direction: Literal["directed", "symmetric", "js"] = "directed"
    """`directed`: KL(i || j) with i before j, in the order of modalities or as `pairs` say (AttentionRobustV4 code).
    `symmetric`: the mean of both ways, hence the mean over all ordered pairs. `js`: half KL(i || m) and half KL(j || m)
    for the normal m with the mean and variance of the even mixture of both, the closest normal to the mixture;
    an upper bound of the Jensen-Shannon divergence, which has no closed form here."""

    eps_mode: Literal["none", "code", "consistent"] = "none"
    """`none`: the exact divergence. `code`: 1e-6 in the denominators only (AttentionRobustV4 code), which is not a
    divergence: -.0108 for two equal normals with log-variance -10. `consistent`: 1e-6 added to every variance."""

    reduction: Literal["mean", "sum"] = "mean"
    """Over the H dimensions. Source: AttentionRobustV4 code, the mean (against a sum in `kl_prior`)."""

    pairs: Pairs | None = None
    """`[[text, audio], ...]`; null takes every two modalities. A pair is left out where the cell lacks a modality."""

    needs: ClassVar[frozenset[str]] = frozenset({"variance"})

    def build(self, *, shapes: Shapes) -> CrossModalKl:
        """Raises StudyError for `pairs` that name no modality of the cell, or misspell one."""
        return CrossModalKl(self, shapes)


class CrossModalKl(nn.Module):
    """Means and log-variances (B, H) of every modality to a 0-d divergence in nats."""

    def __init__(self, spec: CrossModalKlSpec, shapes: Shapes) -> None:
        super().__init__()
        self.pairs = resolve_pairs(spec.pairs, shapes)
        self.column = {name: index for index, name in enumerate(shapes.modalities)}
        self.direction = spec.direction
        self.eps_mode = spec.eps_mode
        self.reduction = spec.reduction

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        if not self.pairs:
            return outputs.fused.vector.new_zeros(())
        terms = []
        for first, second in self.pairs:
            both = batch.present[:, self.column[first]] & batch.present[:, self.column[second]]
            dims_BH = self._between(
                self._normal(outputs.encoded[first], both), self._normal(outputs.encoded[second], both)
            )
            terms.append(masked_mean(dims_BH.sum(-1) if self.reduction == "sum" else dims_BH.mean(-1), both))
        return torch.stack(terms).mean()

    def _normal(self, encoded: Encoded, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, H), standard normal in the rows that are not `kept`."""
        if encoded.log_variance is None:
            raise TrainingError("cross_modal_kl needs encoders with a variance")
        mean = torch.where(kept[:, None], encoded.mean, 0.0)
        log_variance = torch.where(kept[:, None], encoded.log_variance, 0.0)
        return mean, (log_variance.exp() + EPS).log() if self.eps_mode == "consistent" else log_variance

    def _between(self, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """(B, H) for one pair, in its direction."""
        if self.direction == "directed":
            return self._kl(first, second)
        if self.direction == "symmetric":
            return (self._kl(first, second) + self._kl(second, first)) / 2
        middle = _moment_matched(first, second)
        return (self._kl(first, middle) + self._kl(second, middle)) / 2

    def _kl(self, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """KL(first || second) (B, H)."""
        gap = (first[0] - second[0]).square()
        excess = first[1] - second[1]
        if self.eps_mode == "code":
            return ((first[1].exp() + gap) / (second[1].exp() + EPS) - 1 - excess) / 2
        return (torch.expm1(excess) - excess + gap * (-second[1]).exp()) / 2


def _moment_matched(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and log-variance (B, H) of the even mixture: the variances' mean plus a quarter of the squared gap."""
    inner = torch.logaddexp(first[1], second[1]) - math.log(2)
    gap = (first[0] - second[0]).square() / 4
    return (first[0] + second[0]) / 2, inner + torch.log1p(gap * (-inner).exp())


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer the divergence between modalities."""
    return [CrossModalKlSpec]
