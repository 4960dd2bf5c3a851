"""The variational encoder of utterances: a Gaussian for each sample, in the three forms that the method has had."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Self, cast

from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, EncoderSpec, Knob, hold_knobs, hookimpl, knob, own_stream
from ...core.variational import VariationalHead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class VariationalMlpSpec(EncoderSpec):
    """Encode an utterance as a Gaussian: mean and log-variance from a small network, sampled while training."""

    name: Literal["variational_mlp"] = "variational_mlp"

    variant: Literal["v4", "relu_plain", "deep"] = "v4"
    """The network before the heads. `v4`: dropout on the features, two Lin-LN-GELU, one skip around both (V4).
    `relu_plain`: dropout on the features, two Lin-ReLU (V2). `deep`: Lin-LN-GELU of widths 2H, H, H with dropout after
    the first two, a projected skip around all, and heads with a hidden layer (V5). Source: AttentionRobustV4
    plan, v4."""

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Rate of the dropout on the features, or in `deep` after the first two layers. Source: V4 scripts, .35."""

    log_variance_limit: Knob = knob(10.0, gt=0, le=80)
    """The log-variance stays in [-limit, limit]; exp(80) is still finite in single precision. Source: V4 code, 10."""

    clamp: Literal["hard", "soft"] = "hard"
    """How it is kept there: `hard` cuts off, without gradient outside; `soft` is limit * tanh(s / limit). Source: V4
    code, hard."""

    skip_sees_dropout: bool = True
    """Only for `v4`: whether the skip starts from the features after dropout. Source: V4 code, true."""

    needs: ClassVar[frozenset[str]] = frozenset({"utterance"})
    gives: ClassVar[frozenset[str]] = frozenset({"variance"})
    paper: ClassVar[str] = """@inproceedings{kingma2014auto,
  title = {Auto-Encoding Variational {Bayes}},
  author = {Kingma, Diederik P. and Welling, Max},
  booktitle = {International Conference on Learning Representations},
  year = {2014}
}"""

    @model_validator(mode="after")
    def _every_setting_is_read(self) -> Self:
        if self.variant != "v4" and not self.skip_sees_dropout:
            reason = "has no skip" if self.variant == "relu_plain" else "has no dropout before its skip"
            raise ValueError(
                f"`skip_sees_dropout: false` is read only with `variant: v4`; '{self.variant}' {reason}: leave it out"
            )
        return self

    def build(self, *, features: int) -> nn.Module:
        """The encoder for `features` = D inputs."""
        return _VARIANTS[self.variant](self, features)


class VariationalMlp(nn.Module, ABC):
    """`x (B, D)` to Encoded (B, H) with a variance; each variant has its own way from features to hidden."""

    dropout: Tensor
    log_variance_limit: Tensor

    def __init__(self, spec: VariationalMlpSpec, features: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        with own_stream("layers"):
            self.make_layers(spec, features)
        with own_stream("head"):
            self.head = VariationalHead(spec.width, clamp=spec.clamp, deep=spec.variant == "deep")

    @abstractmethod
    def make_layers(self, spec: VariationalMlpSpec, features: int) -> None:
        """Make what `hidden` needs."""

    @abstractmethod
    def hidden(self, x: Tensor) -> Tensor:
        """Features (B, D) to hidden (B, H)."""

    def drop(self, x: Tensor) -> Tensor:
        """Dropout, drawn here so that all variants share the masks of a trial."""
        return functional.dropout(x, p=cast("float", self.dropout), training=self.training)

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode `x` (B, D); `lengths` (B,) are 1 for utterances and not read."""
        del lengths
        encoded: Encoded = self.head(self.hidden(x), self.log_variance_limit)
        return encoded


class V4(VariationalMlp):
    """Two normalised layers with one skip around both, which is the identity where D equals H."""

    def make_layers(self, spec: VariationalMlpSpec, features: int) -> None:
        """Two layers and the skip."""
        self.skip_sees_dropout = spec.skip_sees_dropout
        self.layers = nn.Sequential(_norm_gelu(features, spec.width), _norm_gelu(spec.width, spec.width))
        self.skip = nn.Identity() if features == spec.width else nn.Linear(features, spec.width)

    def hidden(self, x: Tensor) -> Tensor:
        """Features (B, D) to hidden (B, H)."""
        dropped_BD = self.drop(x)
        skipped_BH: Tensor = self.skip(dropped_BD if self.skip_sees_dropout else x)
        return cast("Tensor", self.layers(dropped_BD)) + skipped_BH


class ReluPlain(VariationalMlp):
    """Two plain layers."""

    def make_layers(self, spec: VariationalMlpSpec, features: int) -> None:
        """Two layers."""
        width = spec.width
        self.layers = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())

    def hidden(self, x: Tensor) -> Tensor:
        """Features (B, D) to hidden (B, H)."""
        hidden_BH: Tensor = self.layers(self.drop(x))
        return hidden_BH


class Deep(VariationalMlp):
    """Three normalised layers with a projected skip around all."""

    def make_layers(self, spec: VariationalMlpSpec, features: int) -> None:
        """Three layers and the skip."""
        self.wide = _norm_gelu(features, 2 * spec.width)
        self.narrow = _norm_gelu(2 * spec.width, spec.width)
        self.last = _norm_gelu(spec.width, spec.width)
        self.skip = nn.Linear(features, spec.width)

    def hidden(self, x: Tensor) -> Tensor:
        """Features (B, D) to hidden (B, H)."""
        hidden_BH: Tensor = self.last(self.drop(self.narrow(self.drop(self.wide(x)))))
        return hidden_BH + cast("Tensor", self.skip(x))


def _norm_gelu(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU())


_VARIANTS: dict[str, Callable[[VariationalMlpSpec, int], VariationalMlp]] = {
    "v4": V4,
    "relu_plain": ReluPlain,
    "deep": Deep,
}


@hookimpl
def register_encoders() -> Iterable[type[EncoderSpec]]:
    """Offer the variational encoder of utterances."""
    return [VariationalMlpSpec]
