"""Independent random streams: a key for each purpose, made from names and numbers, never from position or time."""

from __future__ import annotations

import hashlib

import numpy as np


def stream_key(*parts: str | int) -> int:
    """A 63-bit number for (seed, fold, purpose, name, step, ...): equal parts, equal number; else unrelated."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_stream(*parts: str | int) -> np.random.Generator:
    """NumPy generator of the stream that the parts name."""
    return np.random.Generator(np.random.PCG64(stream_key(*parts)))
