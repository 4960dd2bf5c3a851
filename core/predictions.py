"""Per-sample predictions of a trial, one safetensors file each: there whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from .errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

PREDICTIONS = "predictions"
"""The folder of them in a folder of results."""
_KEY = re.compile(r"[0-9a-f]{8,128}", re.ASCII)
_KINDS = "biuf"


def is_key(text: str) -> bool:
    """Whether `text` could be the key of a trial: a hash."""
    return _KEY.fullmatch(text) is not None


def predictions_file(folder: Path | str, key: str) -> Path:
    """Where the predictions of trial `key` lie. Raises StoreError for a key that is no hash (8 to 128 hex digits)."""
    if not is_key(key):
        raise StoreError(f"{key!r} is no key of a trial: expected 8 to 128 hexadecimal digits in lower case")
    return Path(folder) / f"{key}.safetensors"


@dataclass(frozen=True, slots=True)
class Staged:
    """Predictions that are on the disk, whole, and not yet under their name."""

    part: Path
    path: Path
    sha256: str

    def place(self) -> None:
        """Put them under their name, replacing what was there. Again is no harm. Raises StoreError."""
        try:
            if self.part.exists():
                self.part.replace(self.path)
            _settle(self.path.parent)
        except OSError as error:
            raise StoreError(f"cannot write predictions to '{self.path}': {error.strerror or error}") from error

    def drop(self) -> None:
        """Leave nothing behind where they are not to be placed."""
        with suppress(OSError):
            self.part.unlink()


def stage_predictions(folder: Path | str, key: str, mapping: Mapping[str, NDArray[np.generic]]) -> Staged:
    """Write `{SPLIT/TASK: array}` for trial `key` beside its place. Raises StoreError when it cannot be written."""
    path = predictions_file(folder, key)
    content = save({name: _plain(name, array) for name, array in mapping.items()})
    part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_through(part, content)
    except OSError as error:
        raise StoreError(f"cannot write predictions to '{path}': {error.strerror or error}") from error
    return Staged(part, path, hashlib.sha256(content).hexdigest())


def write_predictions(folder: Path | str, key: str, mapping: Mapping[str, NDArray[np.generic]]) -> Path:
    """Write `{SPLIT/TASK: array}` for trial `key`, replacing what was there; returns the file.

    The file appears under its name only when all of it is on the disk. Raises StoreError when it cannot be written.
    """
    staged = stage_predictions(folder, key, mapping)
    try:
        staged.place()
    except BaseException:
        staged.drop()
        raise
    return staged.path


def read_predictions(folder: Path | str, key: str, sha256: str = "") -> dict[str, NDArray[np.generic]]:
    """What `write_predictions` wrote for `key`, bit by bit. Raises StoreError when it is missing or damaged.

    With the `sha256` that the store has of the file, any change of it is found.
    """
    path = predictions_file(folder, key)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"no predictions of trial '{key}' at '{path}': {error.strerror or error}") from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise StoreError(f"'{path}' is damaged (its checksum differs); delete it and train the trial again")
    try:
        return dict(load(content))
    except (SafetensorError, ValueError, KeyError) as error:
        raise StoreError(f"'{path}' is damaged ({error}); delete it and train the trial again") from error


def _plain(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """`array` in C order, as the format wants it."""
    if array.dtype.kind not in _KINDS or array.dtype.itemsize > 8:  # noqa: PLR2004 - 8 bytes, the format's widest
        raise StoreError(f"predictions '{name}' are of type {array.dtype}; only numbers and booleans can be kept")
    if name == "__metadata__":
        raise StoreError("predictions cannot be named '__metadata__': the file format keeps that name for itself")
    return np.asarray(array, order="C")


def write_through(part: Path, content: bytes) -> None:
    """Write and flush to the disk; nothing is left behind when that fails."""
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _settle(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where folders can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
