"""The variational encoder of frames: an LSTM over the valid frames, pooled, and a Gaussian for each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, EncoderSpec, Knob, hold_knobs, hookimpl, knob, own_stream
from ...core.recurrent import RecurrentTrunk
from ...core.variational import VariationalHead

if TYPE_CHECKING:
    from collections.abc import Iterable


class VariationalLstmSpec(EncoderSpec):
    """An LSTM, pooled, then dropout and Lin-ReLU, then mean and log-variance; packed by lengths."""

    name: Literal["variational_lstm"] = "variational_lstm"

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Rate of the dropout on the pooled state, and between layers. Source: AttentionRobustV4 scripts, .35."""

    layers: int = Field(default=1, ge=1)
    """Number of LSTM layers; the states of the last one are kept. Source: V4 code, 1."""

    bidirectional: bool = False
    """Read in both directions; the two states go through Lin(2H -> H). Source: V4 code, false."""

    pooling: Literal["last", "mean", "attention"] = "last"
    """What is kept of the valid frames' states: the last of each direction, their mean, or a learned mean. Source:
    V4 code, last."""

    log_variance_limit: Knob = knob(10.0, gt=0, le=80)
    """The log-variance stays in [-limit, limit]; exp(80) is still finite in single precision. Source: V4 code, 10."""

    clamp: Literal["hard", "soft"] = "hard"
    """How it is kept there: `hard` cuts off, without gradient outside; `soft` is limit * tanh(s / limit). Source: V4
    code, hard."""

    needs: ClassVar[frozenset[str]] = frozenset({"frames"})
    gives: ClassVar[frozenset[str]] = frozenset({"variance", "sequence"})
    stackable: ClassVar[bool] = False
    paper: ClassVar[str] = """@inproceedings{kingma2014auto,
  title = {Auto-Encoding Variational {Bayes}},
  author = {Kingma, Diederik P. and Welling, Max},
  booktitle = {International Conference on Learning Representations},
  year = {2014}
}"""

    def build(self, *, features: int) -> nn.Module:
        """The encoder for `features` = D inputs."""
        return VariationalLstm(self, features)


class VariationalLstm(nn.Module):
    """`x (B, T, D)`, `lengths (B,)` to Encoded (B, H) with a variance and a sequence (B, T, H), 0 in the padding."""

    dropout: Tensor
    log_variance_limit: Tensor

    def __init__(self, spec: VariationalLstmSpec, features: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        with own_stream("trunk"):
            self.trunk = RecurrentTrunk(
                features, spec.width, layers=spec.layers, bidirectional=spec.bidirectional, pooling=spec.pooling
            )
        with own_stream("output"):
            self.output = nn.Sequential(nn.Linear(spec.width, spec.width), nn.ReLU())
        with own_stream("head"):
            self.head = VariationalHead(spec.width, clamp=spec.clamp)

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode the first `lengths` (B,) of the frames `x` (B, T, D)."""
        pooled_BH, sequence_BTH = self.trunk(x, lengths, self.dropout)
        pooled_BH = functional.dropout(pooled_BH, p=cast("float", self.dropout), training=self.training)
        encoded: Encoded = self.head(self.output(pooled_BH), self.log_variance_limit)
        return encoded._replace(sequence=sequence_BTH, lengths=lengths)


@hookimpl
def register_encoders() -> Iterable[type[EncoderSpec]]:
    """Offer the variational encoder of frames."""
    return [VariationalLstmSpec]
