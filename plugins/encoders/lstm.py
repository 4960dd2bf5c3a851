"""The deterministic encoder of frames: an LSTM over the valid frames, pooled to one vector, without a variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, EncoderSpec, Knob, hold_knobs, hookimpl, knob, own_stream
from ...core.recurrent import RecurrentTrunk

if TYPE_CHECKING:
    from collections.abc import Iterable


class LstmSpec(EncoderSpec):
    """An LSTM, pooled, then dropout and one linear layer, as in MERBench; packed by lengths; no variance."""

    name: Literal["lstm"] = "lstm"

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Rate of the dropout on the pooled state, and between layers. Source: AttentionRobustV4 plan, .35."""

    layers: int = Field(default=1, ge=1)
    """Number of LSTM layers; the states of the last one are kept. Source: MERBench, 1."""

    bidirectional: bool = False
    """Read in both directions; the two states go through Lin(2H -> H). Source: MERBench, false."""

    pooling: Literal["last", "mean", "attention"] = "last"
    """What is kept of the valid frames' states: the last of each direction, their mean, or a learned mean. Source:
    MERBench, last."""

    needs: ClassVar[frozenset[str]] = frozenset({"frames"})
    gives: ClassVar[frozenset[str]] = frozenset({"sequence"})
    stackable: ClassVar[bool] = False
    paper: ClassVar[str] = """@article{hochreiter1997long,
  title = {Long Short-Term Memory},
  author = {Hochreiter, Sepp and Schmidhuber, J{\\"u}rgen},
  journal = {Neural Computation},
  volume = {9},
  number = {8},
  pages = {1735--1780},
  year = {1997}
}"""

    def build(self, *, features: int) -> nn.Module:
        """The encoder for `features` = D inputs."""
        return Lstm(self, features)


class Lstm(nn.Module):
    """`x (B, T, D)`, `lengths (B,)` to Encoded (B, H) with a sequence (B, T, H) that is 0 in the padding."""

    dropout: Tensor

    def __init__(self, spec: LstmSpec, features: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        with own_stream("trunk"):
            self.trunk = RecurrentTrunk(
                features, spec.width, layers=spec.layers, bidirectional=spec.bidirectional, pooling=spec.pooling
            )
        with own_stream("output"):
            self.output = nn.Linear(spec.width, spec.width)

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode the first `lengths` (B,) of the frames `x` (B, T, D)."""
        pooled_BH, sequence_BTH = self.trunk(x, lengths, self.dropout)
        pooled_BH = functional.dropout(pooled_BH, p=cast("float", self.dropout), training=self.training)
        hidden_BH: Tensor = self.output(pooled_BH)
        return Encoded(hidden_BH, None, hidden_BH, sequence_BTH, lengths)


@hookimpl
def register_encoders() -> Iterable[type[EncoderSpec]]:
    """Offer the deterministic encoder of frames."""
    return [LstmSpec]
