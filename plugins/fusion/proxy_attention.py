"""Proxy cross-modal attention: another fusion makes a proxy, which then asks every modality what it has to add."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ...core import (
    Encoded,
    Fused,
    FusionSpec,
    Knob,
    StudyError,
    component,
    hold_knobs,
    hookimpl,
    knob,
    masked_softmax,
    own_stream,
)
from ...core.uncertainty import present_means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Multiple = Annotated[int, Field(ge=1)]


class ProxyAttentionSpec(FusionSpec):
    """y = LN(proxy + attention to the modalities), vector = y + FFN(y); the proxy is the vector of the inner fusion."""

    name: Literal["proxy_attention"] = "proxy_attention"

    proxy: FusionSpec = component("gated_uncertainty")
    """The fusion that makes the proxy and the modalities' weights. Source: AttentionRobustV4 plan."""

    kv_mode: Literal["per_modality", "joint"] = "per_modality"
    """per_modality: one attention for each modality with that modality as its only key, summed by the proxy's weights
    (over what is present equally, where the inner fusion gives none). One key always gets weight 1, so the query and
    key maps have no effect: as in the AttentionRobustV4 plan. joint: one attention over all modalities present, as the
    paper draft and V5; the proxy's weights are not used."""

    heads: int = Field(default=4, ge=1)
    """Attention heads; must divide H. With `per_modality` there is one key, so heads only part the attention's dropout.
    Source: AttentionRobustV4 plan, 4."""

    ffn_multiplier: Multiple | tuple[Multiple, ...] = 2
    """Width of the feed-forward part's hidden layer in multiples of H, or of each of several: V5 has [4, 2].
    Source: AttentionRobustV4 plan, 2."""

    dropout: Knob = knob(0.35, ge=0, lt=1)
    """Dropout rate of attention weights and of the feed-forward part. Source: V4 code passes the model's rate, 0.35."""

    norm2: bool = False
    """Layer-normalise after the feed-forward part, too. Source: V4 code, no (V5: yes)."""

    paper: ClassVar[str] = """@inproceedings{zhu2025proxy,
  title = {Proxy-Driven Robust Multimodal Sentiment Analysis with Incomplete Data},
  author = {Zhu, Aoqiang and Hu, Min and Wang, Xiaohua and Yang, Jiaoyun and Tang, Yiming and An, Ning},
  booktitle = {Proceedings of the 63rd Annual Meeting of the Association for Computational Linguistics},
  pages = {22123--22138},
  year = {2025}
}"""

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module for encodings of `width` = H. Raises StudyError where `heads` does not divide it."""
        if width % self.heads:
            fitting = [number for number in range(1, width + 1) if width % number == 0]
            closest = min(fitting, key=lambda number: abs(number - self.heads))
            raise StudyError(
                f"fusion 'proxy_attention': heads: {self.heads} does not divide the encoders' width {width}; "
                f"the nearest number of heads that does is {closest}"
            )
        return ProxyAttention(self, modalities, width)


class CrossAttention(nn.Module):
    """Multi-head attention of one query (B, H) to S keys (B, S, H), initialised like torch's own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        for linear in (self.query, self.key, self.value):
            bound = math.sqrt(6 / (4 * width))  # Xavier for the three as one map, H to 3H
            nn.init.uniform_(linear.weight, -bound, bound)
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.zeros_(linear.bias)

    def forward(self, query: Tensor, keys: Tensor, mask: Tensor, dropout: Tensor) -> tuple[Tensor, Tensor]:
        """What the query (B, H) finds, (B, H), and the weights of the keys (B, S); 0 where `mask` (B, S) is false."""
        query_BNE = self.query(query).unflatten(-1, (self.heads, -1))
        key_BSNE = self.key(keys).unflatten(-1, (self.heads, -1))
        value_BSNE = self.value(keys).unflatten(-1, (self.heads, -1))
        scores_BNS = torch.einsum("bne,bsne->bns", query_BNE, key_BSNE) / math.sqrt(query_BNE.shape[-1])
        weights_BNS = masked_softmax(scores_BNS, mask[:, None, :].expand_as(scores_BNS))
        kept_BNS = functional.dropout(weights_BNS, p=cast("float", dropout), training=self.training)
        found_BH = torch.einsum("bns,bsne->bne", kept_BNS, value_BSNE).flatten(start_dim=1)
        return self.out(found_BH), weights_BNS.mean(dim=1)


class ProxyAttention(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)` with the weights that the modalities got."""

    dropout: Tensor

    def __init__(self, spec: ProxyAttentionSpec, modalities: Sequence[str], width: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.joint = spec.kv_mode == "joint"
        with own_stream("proxy"):
            self.proxy = spec.proxy.build(modalities=modalities, width=width)
        self.attend = nn.ModuleDict()
        for name in ["joint"] if self.joint else modalities:
            with own_stream("attend"), own_stream(name):
                self.attend[name] = CrossAttention(width, spec.heads)
        multiples = (spec.ffn_multiplier,) if isinstance(spec.ffn_multiplier, int) else spec.ffn_multiplier
        widths = [width, *(multiple * width for multiple in multiples), width]
        with own_stream("feed_forward"):
            layers = (nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths))
            self.feed_forward = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width) if spec.norm2 else None

    def _drop(self, values: Tensor) -> Tensor:
        return functional.dropout(values, p=cast("float", self.dropout), training=self.training)

    def _ask_each(self, proxy: Fused, means_BMH: Tensor, present: Tensor) -> tuple[Tensor, Tensor | None]:
        weights_BM = proxy.weights
        if weights_BM is None:
            weights_BM = masked_softmax(means_BMH.new_zeros(present.shape), present)
        alone = torch.ones_like(present[:, :1])
        found = [
            attend(proxy.vector, mean_BH[:, None], alone, self.dropout)[0]
            for attend, mean_BH in zip(self.attend.values(), means_BMH.unbind(dim=1), strict=True)
        ]
        return (weights_BM[:, :, None] * torch.stack(found, dim=1)).sum(dim=1), proxy.weights

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """Make the proxy, let it attend, normalise, feed forward."""
        proxy: Fused = self.proxy(encoded, present)
        means_BMH = present_means(encoded, present)
        weights_BM: Tensor | None
        if self.joint:
            found_BH, weights_BM = self.attend["joint"](proxy.vector, means_BMH, present, self.dropout)
        else:
            found_BH, weights_BM = self._ask_each(proxy, means_BMH, present)
        hidden = normed_BH = self.norm(proxy.vector + found_BH)
        for layer in self.feed_forward[:-1]:
            hidden = self._drop(functional.gelu(layer(hidden)))
        vector = normed_BH + self._drop(self.feed_forward[-1](hidden))
        return Fused(vector=vector if self.norm2 is None else self.norm2(vector), weights=weights_BM)


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `proxy_attention`."""
    return [ProxyAttentionSpec]
