"""Hashes of tensors: bit for bit, or rough ones, which no rounding tells apart."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

_BITS = {
    torch.float32: torch.int32,
    torch.float64: torch.int64,
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
}
_rough: ContextVar[bool] = ContextVar("rough", default=False)
_OWN, _OTHER = 1e-5, 1e-7
"""How far two tensors may be apart and be equal roughly: a part of their own size, and of the largest beside them."""


class Rough(str):
    """A hash that is equal to another where rounding alone may have made the difference."""

    __slots__ = ("numbers",)
    numbers: Tensor
    """(tensors, 3): the size of each, and two sums of its values with random factors."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rough) or str.__ne__(self, other):
            return False
        size = torch.maximum(self.numbers[:, 0], other.numbers[:, 0])
        allowed = _OWN * size + _OTHER * (size.max() if len(size) else 0.0)
        return bool(((self.numbers - other.numbers).abs() <= allowed[:, None]).all())

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)


@contextmanager
def roughly(on: bool) -> Iterator[None]:
    """Within it, where `on`, hashes are rough ones."""
    token = _rough.set(on)
    try:
        yield
    finally:
        _rough.reset(token)


def digest(named: Iterable[tuple[str, Tensor]]) -> str:
    """Hash of names, shapes and values; zero has no sign."""
    return _roughly(named) if _rough.get() else _exactly(named)


def _roughly(named: Iterable[tuple[str, Tensor]]) -> Rough:
    tensors = list(named)
    found = Rough(" ".join(f"{name}{tuple(tensor.shape)}{tensor.dtype}" for name, tensor in tensors))
    found.numbers = torch.stack([_sums(tensor) for _, tensor in tensors]) if tensors else torch.empty(0, 3)
    return found


def _sums(tensor: Tensor) -> Tensor:
    flat = tensor.detach().reshape(-1).double()
    factors = _first_factors(2 * flat.numel()).double() / 2**62
    return torch.stack([flat.norm(), flat @ factors[::2], flat @ factors[1::2]])


def _exactly(named: Iterable[tuple[str, Tensor]]) -> str:
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
    return _factors(max(16, count.bit_length()))[:count]


@cache
def _factors(bits: int) -> Tensor:
    """So many odd numbers, as many as `bits` can count."""
    return torch.randint(-(2**62), 2**62, (1 << bits,), generator=torch.Generator().manual_seed(1)) * 2 + 1
