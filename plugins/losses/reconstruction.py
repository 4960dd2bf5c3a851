"""Reconstruction: a decoder for each modality makes its features again from the encoding.

The decoders belong to this term, so a study without it has none of their parameters. They run in training only, as all
terms of the loss do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core import Knob, LossSpec, frame_mask, hold_knobs, hookimpl, knob, masked_mean, own_stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core import Batch, Outputs, Shapes


class ReconstructionSpec(LossSpec):
    """Error of the decoded features: over D (and frames), the rows that have the modality, and the modalities."""

    name: Literal["reconstruction"] = "reconstruction"
    """Which plugin."""

    weight: Knob = knob(0.1, ge=0)
    """Factor of the term in the total. Source: AttentionRobustV4 plan, .1."""

    latent: Literal["sample", "mean"] = "sample"
    """What is decoded; alike for encoders without a variance. Source: AttentionRobustV4 code, the sample."""

    target: Literal["input", "complete"] = "input"
    """`input`: the features that the encoder read, in rows that have the modality (AttentionRobustV4 code). `complete`:
    also those that modality dropout at the input took away, as in P-RMF."""

    frames: Literal["time_mean", "each"] = "time_mean"
    """For (B, T, D) features: decode their mean over the valid frames, or each valid frame, from the latent plus a
    sinusoidal code of the step (T is not known when a term is built, so the code is not learned)."""

    penalty: Literal["mse", "smooth_l1"] = "mse"
    """Squared error (AttentionRobustV4 code), or smooth L1 with beta 1, which huge features move less."""

    activation: Literal["relu", "gelu"] = "relu"
    """Between the layers. Source: ReLU in AttentionRobustV4, GELU in V5."""

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """After the first layer. Source: AttentionRobustV4 plan, .35."""

    needs: ClassVar[frozenset[str]] = frozenset()
    paper: ClassVar[str] = """@inproceedings{kingma2014auto,
  title = {Auto-Encoding Variational {Bayes}},
  author = {Kingma, Diederik P. and Welling, Max},
  booktitle = {International Conference on Learning Representations},
  year = {2014}
}"""

    def build(self, *, shapes: Shapes) -> Reconstruction:
        """A decoder for each modality."""
        return Reconstruction(self, shapes)


class Decoder(nn.Module):
    """Latent (..., H) to features (..., D): Lin(H, H), activation, dropout, Lin(H, H), activation, Lin(H, D)."""

    def __init__(self, width: int, features: int, activation: nn.Module) -> None:
        super().__init__()
        self.lower = nn.Linear(width, width)
        self.upper = nn.Linear(width, width)
        self.output = nn.Linear(width, features)
        self.activation = activation

    def forward(self, latent: Tensor, dropout: Tensor) -> Tensor:
        """Features (..., D), with the rate `dropout` (0-d) while training."""
        hidden = self.activation(self.lower(latent))
        hidden = functional.dropout(hidden, p=cast("float", dropout), training=self.training)
        return cast("Tensor", self.output(self.activation(self.upper(hidden))))


class Reconstruction(nn.Module):
    """Latents (B, H) of every modality, against its features (B, D) or (B, T, D), to a 0-d error."""

    dropout: Tensor

    def __init__(self, spec: ReconstructionSpec, shapes: Shapes) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.spec = spec
        self.frames = dict(shapes.frames)
        self.decoders = nn.ModuleDict()
        for name, features in shapes.features.items():
            with own_stream(name):
                activation = nn.ReLU() if spec.activation == "relu" else nn.GELU()
                self.decoders[name] = Decoder(shapes.width, features, activation)

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        """The unweighted term."""
        terms = [self._term(name, column, outputs, batch) for column, name in enumerate(self.decoders)]
        return torch.stack(terms).mean()

    def _term(self, name: str, column: int, outputs: Outputs, batch: Batch) -> Tensor:
        """One modality: 0-d, and 0 where no row has it."""
        encoded = outputs.encoded[name]
        latent = encoded.sample if self.spec.latent == "sample" else encoded.mean
        complete = self.spec.target == "complete"
        wanted = batch.complete[name] if complete else batch.features[name]
        kept = (batch.recorded if complete else batch.present)[:, column]
        latent = torch.where(kept[:, None], latent, 0.0)
        if not self.frames[name]:
            rows = self._error(self.decoders[name](latent, self.dropout), torch.where(kept[:, None], wanted, 0.0))
            return masked_mean(rows, kept)
        steps = frame_mask(batch.lengths[name], wanted.shape[1])
        wanted = torch.where((steps & kept[:, None])[..., None], wanted, 0.0)
        rows = self._frame_error(self.decoders[name], latent, wanted, steps)
        return masked_mean(rows, kept & steps.any(dim=1))

    def _frame_error(self, decoder: nn.Module, latent: Tensor, wanted: Tensor, steps: Tensor) -> Tensor:
        """Error (B,) for frames `wanted` (B, T, D), zero where `steps` (B, T) is false."""
        count = steps.sum(dim=1).clamp(min=1)
        if self.spec.frames == "time_mean":
            return self._error(decoder(latent, self.dropout), wanted.sum(dim=1) / count[:, None])
        made = decoder(latent[:, None, :] + step_code(latent, wanted.shape[1]), self.dropout)
        return torch.where(steps, self._error(made, wanted), 0.0).sum(dim=1) / count

    def _error(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Mean penalty over the last axis."""
        if self.spec.penalty == "mse":
            return (made - wanted).square().mean(dim=-1)
        return functional.smooth_l1_loss(made, wanted, reduction="none").mean(dim=-1)


def step_code(like: Tensor, steps: int) -> Tensor:
    """Sinusoidal code (T, H) of Vaswani et al. 2017 for H = the width of `like`: sines, then cosines."""
    width = like.shape[-1]
    half = (width + 1) // 2
    rate = torch.exp(torch.arange(half, device=like.device, dtype=like.dtype) * (-math.log(10000.0) / half))
    angle = torch.arange(steps, device=like.device, dtype=like.dtype)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()], dim=1)[:, :width]


@hookimpl
def register_losses() -> Iterable[type[LossSpec]]:
    """Offer reconstruction."""
    return [ReconstructionSpec]
