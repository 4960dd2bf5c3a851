"""Divergence of every encoding from the standard normal prior, as in a variational autoencoder.

Summed over the H dimensions (the default) it grows with H, so a study of the width also changes the regularisation;
`reduction: mean` does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...core import Knob, LossSpec, TrainingError, hold_knobs, hookimpl, knob

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Encoded, Outputs, Shapes


class KlPriorSpec(LossSpec):
    """KL(N(mean, variance) || N(0, 1)): averaged over the rows that have the modality, then over the modalities."""

    name: Literal["kl_prior"] = "kl_prior"
    """Which plugin."""

    weight: Knob = knob(0.01, ge=0)
    """Factor of the term in the total. Source: AttentionRobustV4 plan, .01."""

    reduction: Literal["sum", "mean"] = "sum"
    """Over the H dimensions. Source: AttentionRobustV4 code, the sum."""

    free_bits: Knob = knob(0.0, ge=0)
    """Nats that each dimension of a modality may hold on average over the batch before it is pushed further down
    (Kingma et al. 2016); 0 turns this off. Source: AttentionRobustV4 code, off."""

    needs: ClassVar[frozenset[str]] = frozenset({"variance"})
    paper: ClassVar[str] = """@inproceedings{kingma2014auto,
  title = {Auto-Encoding Variational {Bayes}},
  author = {Kingma, Diederik P. and Welling, Max},
  booktitle = {International Conference on Learning Representations},
  year = {2014}
}"""

    def build(self, *, shapes: Shapes) -> KlPrior:
        """The term for all modalities of the cell."""
        return KlPrior(self, shapes)


class KlPrior(nn.Module):
    """Means and log-variances (B, H) of every modality to a 0-d divergence in nats."""

    free_bits: Tensor

    def __init__(self, spec: KlPriorSpec, shapes: Shapes) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.modalities = shapes.modalities
        self.reduction = spec.reduction

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        terms = [
            self._term(outputs.encoded[name], batch.present[:, column]) for column, name in enumerate(self.modalities)
        ]
        return torch.stack(terms).mean()

    def _term(self, encoded: Encoded, present: Tensor) -> Tensor:
        """One modality: 0-d, and 0 where no row has it."""
        if encoded.log_variance is None:
            raise TrainingError("kl_prior needs encoders with a variance")
        mean = torch.where(present[:, None], encoded.mean, 0.0)
        log_variance = torch.where(present[:, None], encoded.log_variance, 0.0)
        rows_BH = (mean.square() + torch.expm1(log_variance) - log_variance) / 2
        rows = present.sum()
        each_H = rows_BH.sum(dim=0) / rows.clamp(min=1)
        each_H = torch.where(self.free_bits > 0, torch.maximum(each_H, self.free_bits), each_H)
        total = each_H.sum() if self.reduction == "sum" else each_H.mean()
        return torch.where(rows > 0, total, 0.0)


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer the divergence from the prior."""
    return [KlPriorSpec]
