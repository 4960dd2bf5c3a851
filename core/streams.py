"""Independent random streams: a key for each purpose, made from names and numbers, never from position or time."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_MASK = 2**64 - 1


def stream_key(*parts: str | int) -> int:
    """A 63-bit number for (seed, fold, purpose, name, step, ...): equal parts, equal number; else unrelated."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def step_key(key: int, step: int) -> int:
    """Key of a step under a key that names made: quick, and as unrelated from step to step (SplitMix64's finaliser)."""
    mixed = (key + (step + 1) * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return (mixed ^ (mixed >> 31)) >> 1


def numpy_stream(*parts: str | int) -> np.random.Generator:
    """NumPy generator of the stream that the parts name."""
    return np.random.Generator(np.random.PCG64(stream_key(*parts)))


def sample_keys(names: Iterable[str | int]) -> NDArray[np.uint64]:
    """(n,) a key for each sample, by its name alone: where a row stands changes nothing."""
    return np.array([stream_key(name) for name in names], dtype=np.uint64)


def sample_uniforms(key: int, samples: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(n,) numbers in [0, 1), one for each of the `samples` (n,): `step_key` with a sample in place of a step."""
    with np.errstate(over="ignore"):
        mixed = np.uint64(key) + (samples + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
