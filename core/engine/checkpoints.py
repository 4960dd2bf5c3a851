"""A long trial on the disk, epoch by epoch: what is left of a run that was ended goes on from there, to the bit."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save

from ..predictions import is_key, write_through

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

CHECKPOINTS = "checkpoints"
"""The folder of them in a folder of results."""
EVERY = 60.0
"""Seconds between two checkpoints of a trial; shorter trials have none, unless their run is asked to leave."""
_LEAVING = ".leaving"


@dataclass
class Checkpoints:
    """The checkpoints in a folder; none where the folder is empty text. Keys are those of trials."""

    folder: str
    every: float = EVERY
    _last: dict[str, float] = field(default_factory=dict)
    _kept_to_leave: set[str] = field(default_factory=set)

    def load(self, key: str) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """`(state, tensors)` as they were saved. None where there is no whole checkpoint: the trial begins anew."""
        self._last[key] = time.monotonic()
        file = _file(self.folder, key)
        if file is None or not file.is_file():
            return None
        try:
            with safe_open(file, framework="pt") as opened:
                told = opened.metadata() or {}
            tensors = load(file.read_bytes())
            state: dict[str, Any] = json.loads(told["state"])
        except (OSError, SafetensorError, ValueError, KeyError):
            return None
        return (state, tensors) if told.get("sha256") == _digest(told["state"], tensors) else None

    def due(self, key: str) -> bool:
        """Whether the last checkpoint of the trial, or its start, is long enough ago, or its run wants to leave."""
        if not self.folder:
            return False
        if key not in self._kept_to_leave and (Path(self.folder) / _LEAVING).exists():
            self._kept_to_leave.add(key)
            return True
        return time.monotonic() - self._last.get(key, 0.0) >= self.every

    def save(self, key: str, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Replace the trial's checkpoint. Where it cannot be written, the trial goes on without."""
        file = _file(self.folder, key)
        if file is None:
            return
        held = {name: tensor.detach().contiguous().to("cpu", copy=True) for name, tensor in tensors.items()}
        told = json.dumps(state)
        content = save(held, {"state": told, "sha256": _digest(told, held)})
        part = file.with_name(f".{file.stem}.{secrets.token_hex(4)}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_through(part, content)
            part.replace(file)
        except OSError:
            with suppress(OSError):
                part.unlink()
        self._last[key] = time.monotonic()


def ask_to_keep(folder: Path | str) -> None:
    """Ask every trial that is kept in `folder` to be kept at the end of its epoch: its run is leaving."""
    with suppress(OSError):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / _LEAVING).touch()


def begin_to_keep(folder: Path | str) -> None:
    """A run begins: nobody is leaving."""
    with suppress(OSError):
        (Path(folder) / _LEAVING).unlink()


def remove_checkpoint(folder: Path | str, key: str) -> None:
    """Remove the checkpoint of a trial that has ended, and what was half written of it."""
    file = _file(str(folder), key)
    if file is not None and file.parent.is_dir():
        for left in (file, *file.parent.glob(f".{file.stem}.*.part")):
            with suppress(OSError):
                left.unlink()


def _file(folder: str, key: str) -> Path | None:
    return Path(folder) / f"{key}.safetensors" if folder and is_key(key) else None


def _digest(told: str, tensors: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256(told.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.numpy().tobytes())
    return total.hexdigest()
