"""Independent random streams: a key for each purpose, made from names and numbers, never from position or time."""

from __future__ import annotations

import hashlib

import numpy as np

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
