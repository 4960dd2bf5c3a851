"""Per-sample predictions of a trial, one safetensors file each: there whole, or not at all."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from .errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_KEY = re.compile(r"[0-9a-f]{8,128}", re.ASCII)
_KINDS = "biuf"


def predictions_file(folder: Path | str, key: str) -> Path:
    """Where the predictions of trial `key` lie. Raises StoreError for a key that is no hash (8 to 128 hex digits)."""
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is no key of a trial: expected 8 to 128 hexadecimal digits in lower case")
    return Path(folder) / f"{key}.safetensors"


def write_predictions(folder: Path | str, key: str, mapping: Mapping[str, NDArray[np.generic]]) -> Path:
    """Write `{SPLIT/TASK: array}` for trial `key`, replacing what was there; returns the file.

    The file appears under its name only when all of it is on the disk. Raises StoreError when it cannot be written.
    """
    path = predictions_file(folder, key)
    content = save({name: _plain(name, array) for name, array in mapping.items()})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, content)
    except OSError as error:
        raise StoreError(f"cannot write predictions to '{path}': {error.strerror or error}") from error
    return path


def read_predictions(folder: Path | str, key: str) -> dict[str, NDArray[np.generic]]:
    """What `write_predictions` wrote for `key`, bit by bit. Raises StoreError when it is missing or damaged."""
    path = predictions_file(folder, key)
    try:
        return dict(load(path.read_bytes()))
    except OSError as error:
        raise StoreError(f"no predictions of trial '{key}' at '{path}': {error.strerror or error}") from error
    except (SafetensorError, ValueError, KeyError) as error:
        raise StoreError(f"'{path}' is damaged ({error}); delete it and train the trial again") from error


def _plain(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """`array` in C order, as the format wants it."""
    if array.dtype.kind not in _KINDS or array.dtype.itemsize > 8:  # noqa: PLR2004 - 8 bytes, the format's widest
        raise StoreError(f"predictions '{name}' are of type {array.dtype}; only numbers and booleans can be kept")
    if name == "__metadata__":
        raise StoreError("predictions cannot be named '__metadata__': the file format keeps that name for itself")
    return np.asarray(array, order="C")


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside `path`, flush to the disk, then rename; nothing is left behind when that fails."""
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where folders can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
