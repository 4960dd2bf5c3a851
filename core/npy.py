"""NumPy's files, read without surprises: no pickles, nothing larger than the file holds or than memory takes."""

from __future__ import annotations

import ast
import math
import operator
import os
import stat
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from zipfile import ZipFile

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
"""Bytes. Source: NumPy's own limit."""
_BOMB_BYTES, _BOMB_RATIO = 64 << 20, 200
"""What is unpacked to more bytes than that, and more than that many times its size, is a bomb; features that somebody
recorded come nowhere near."""
_NO_MEMORY_KNOWN = 16 << 30


class _Header(NamedTuple):
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    """Bytes in front of the numbers."""


class Archive:
    """An .npz file. Its arrays are read one at a time, each after a look at what it says of its size."""

    def __init__(self, path: Path) -> None:
        self._zip = ZipFile(path)
        self._members = {info.filename.removesuffix(".npy"): info for info in self._zip.infolist()}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the members."""
        return tuple(self._members)

    def read(self, name: str) -> NDArray[np.generic]:
        """One array. Raises ValueError or TypeError for what is none, or is too large."""
        info = self._members[name]
        if not info.filename.endswith(".npy"):
            raise TypeError("it is no array")
        if info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * max(info.compress_size, 1):
            said = f"{info.compress_size:,} bytes that unpack to {info.file_size:,} are a zip bomb"
            raise ValueError(f"{said}; if they are not, save the array with `numpy.savez`, uncompressed")
        with self._zip.open(info) as stream:
            return _read(stream, info.file_size)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()


def read_npy(path: Path) -> NDArray[np.generic]:
    """The array of an .npy file. Raises ValueError for what is none, or is too large."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no regular file")
    with path.open("rb") as stream:
        return _read(stream, status.st_size)


def check_room(num_bytes: int) -> None:
    """Raise ValueError where that many bytes are more than this machine's memory."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        memory = _NO_MEMORY_KNOWN
    if num_bytes > memory:
        raise ValueError(f"it says to need {_gib(num_bytes)}, and this machine has {_gib(memory)}")


def _gib(num_bytes: int) -> str:
    return f"{num_bytes / (1 << 30):,.1f} GiB" if num_bytes < 1 << 80 else "more than can be said"


def _read(stream: IO[bytes], size: int) -> NDArray[np.generic]:
    """The array in `stream`, whose header must agree with its `size` in bytes."""
    header = _header(stream)
    if header.dtype.hasobject:
        raise ValueError("allow_pickle: it holds Python objects")
    declared = math.prod(header.shape) * header.dtype.itemsize
    if any(length < 0 for length in header.shape) or header.offset + declared > size:
        raise ValueError(f"its header says {header.shape} of {header.dtype}, and {size:,} bytes cannot hold that")
    check_room(declared)
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes]) -> _Header:
    """What the first bytes say. Raises ValueError where they are those of no array."""
    start = stream.read(len(_MAGIC) + 2)
    if start[: len(_MAGIC)] != _MAGIC or len(start) < len(_MAGIC) + 2:
        raise ValueError("it does not begin as an array does")
    width = 2 if start[-2] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length:,} bytes; at most {_LONGEST_HEADER:,} are read")
    try:
        said = ast.literal_eval(stream.read(length).decode())
        dtype = np.lib.format.descr_to_dtype(said["descr"])
        shape = tuple(operator.index(length) for length in said["shape"])
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, RecursionError, MemoryError) as error:
        raise ValueError(f"its header cannot be read: {type(error).__name__}") from None
    return _Header(dtype, shape, len(start) + width + length)
