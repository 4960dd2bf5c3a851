"""Hadamard fusion: the elementwise product of a linear map of each modality."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from butfor.core import Encoded, Fused, FusionSpec, Knob, hold_knobs, hookimpl, knob, own_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class HadamardSpec(FusionSpec):
    """Multiply the modalities, as low-rank bilinear pooling does."""

    name: Literal["hadamard"] = "hadamard"

    dropout: Knob = knob(0.1, ge=0, lt=1)
    """Dropout on the product. Source: Kim et al. (2017)."""

    paper: ClassVar[str] = (
        "@inproceedings{kim2017hadamard, title={Hadamard Product for Low-rank Bilinear Pooling}, "
        "author={Kim, Jin-Hwa and On, Kyoung-Woon and Lim, Woosang and Kim, Jeonghee and Ha, Jung-Woo and "
        "Zhang, Byoung-Tak}, booktitle={ICLR}, year={2017}}"
    )

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module for these modalities, with encodings of `width`."""
        return Hadamard(self, modalities, width)


class Hadamard(nn.Module):
    """`{modality: Encoded (B, H)}`, `present (B, M)` to `Fused (B, H)`; an absent modality multiplies by one."""

    dropout: Tensor

    def __init__(self, spec: HadamardSpec, modalities: Sequence[str], width: int) -> None:
        super().__init__()
        hold_knobs(self, spec)
        self.maps = nn.ModuleDict()
        for modality in modalities:
            with own_stream(modality):
                self.maps[modality] = nn.Linear(width, width)

    def forward(self, encoded: Mapping[str, Encoded], present: Tensor) -> Fused:
        """The product of what is present."""
        product = torch.ones_like(next(iter(encoded.values())).mean)
        for column, (modality, one) in enumerate(encoded.items()):
            factor = torch.tanh(self.maps[modality](one.mean))
            product = product * torch.where(present[:, column, None], factor, 1.0)
        return Fused(functional.dropout(product, p=self.dropout, training=self.training))


@hookimpl
def register_fusions() -> Iterable[type[FusionSpec]]:
    """Offer `hadamard`."""
    return [HadamardSpec]
