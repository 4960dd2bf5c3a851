"""Hashes of tensors, bit for bit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

_BITS = {
    torch.float32: torch.int32,
    torch.float64: torch.int64,
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
}
_factors = torch.empty(0, dtype=torch.int64)


def digest(named: Iterable[tuple[str, Tensor]]) -> str:
    """Hash of names, shapes and values; zero has no sign."""
    told = hashlib.blake2b(digest_size=12)
    by_type: dict[torch.dtype, list[Tensor]] = {}
    for name, tensor in named:
        told.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        by_type.setdefault(tensor.dtype, []).append(tensor.detach().reshape(-1))
    for tensors in by_type.values():
        told.update(_mixed(torch.cat(tensors)).to_bytes(8, "big", signed=True))
    return told.hexdigest()


def _mixed(flat: Tensor) -> int:
    """64 bits of all values and their places: a sum of products with fixed random factors, modulo 2 to the 64."""
    if flat.is_floating_point():
        flat = (flat + 0.0).view(_BITS[flat.dtype])
    return int((flat.to(torch.int64) * _first_factors(flat.numel())).sum())


def _first_factors(count: int) -> Tensor:
    global _factors  # noqa: PLW0603 - grows with the largest tensor seen, and is always the same numbers
    if len(_factors) < count:
        size = max(count, 2 * len(_factors), 1 << 16)
        draw = torch.Generator().manual_seed(1)
        _factors = torch.randint(-(2**62), 2**62, (size,), generator=draw) * 2 + 1
    return _factors[:count]
