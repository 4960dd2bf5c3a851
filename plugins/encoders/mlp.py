"""The deterministic encoder of utterances: dropout and three layers, without a variance."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from torch import Tensor, nn
from torch.nn import functional

from ...core import Encoded, EncoderSpec, Knob, hold_knobs, hookimpl, knob, own_stream

if TYPE_CHECKING:
    from collections.abc import Iterable


class MlpSpec(EncoderSpec):
    """Three layers of Lin-ReLU after dropout on the features, as in MERBench; no variance."""

    name: Literal["mlp"] = "mlp"

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Rate of the dropout on the features. Source: AttentionRobustV4 plan, .35."""

    needs: ClassVar[frozenset[str]] = frozenset({"utterance"})
    paper: ClassVar[str] = """@article{lian2024merbench,
  title = {{MERBench}: A Unified Evaluation Benchmark for Multimodal Emotion Recognition},
  author = {Lian, Zheng and Sun, Licai and Ren, Yong and Gu, Hao and Sun, Haiyang and Chen, Lan and Liu, Bin
            and Tao, Jianhua},
  journal = {arXiv preprint arXiv:2401.03429},
  year = {2024}
}"""

    def build(self, *, features: int) -> nn.Module:
        """The encoder for `features` = D inputs."""
        return Mlp(self, features)


class Mlp(nn.Module):
    """`x (B, D)` to Encoded (B, H) whose sample is its mean, in training too."""

    dropout: Tensor

    def __init__(self, spec: MlpSpec, features: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        width = spec.width
        with own_stream("layers"):
            self.layers = nn.Sequential(
                nn.Linear(features, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
            )

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """Encode `x` (B, D); `lengths` (B,) are 1 for utterances and not read."""
        del lengths
        hidden_BH: Tensor = self.layers(functional.dropout(x, p=cast("float", self.dropout), training=self.training))
        return Encoded(hidden_BH, None, hidden_BH)


@hookimpl
def register_encoders() -> Iterable[type[EncoderSpec]]:
    """Offer the deterministic encoder."""
    return [MlpSpec]
