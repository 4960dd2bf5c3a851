"""What an item prints, kept in a file of bounded size: the beginning and the end."""

from __future__ import annotations

import re
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if sys.platform == "linux":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

HEAD = TAIL = 256 * 1024
"""Bytes that are kept of the beginning and of the end."""
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)


class BoundedLog:
    """A file that appears with the first byte and never grows beyond HEAD + TAIL and a line between them."""

    def __init__(self, folder: Callable[[], Path], name: str) -> None:
        """The folder is asked for when there is something to write."""
        self._folder = folder
        self._name = name
        self.path: Path | None = None
        self._broken = False
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._held = 0
        self._dropped = 0

    def write(self, data: bytes) -> None:
        """Add what was printed. The beginning is in the file at once, the end when the log is closed."""
        room = HEAD - self._written
        if room > 0:
            self._append(data[:room])
            self._written += len(data[:room])
            data = data[room:]
        if data:
            self._tail.append(data)
            self._held += len(data)
            while self._held - len(self._tail[0]) >= TAIL:
                gone = len(self._tail.popleft())
                self._held -= gone
                self._dropped += gone

    def end(self) -> str:
        """The last that was printed, as text."""
        kept = b"".join(self._tail)[-TAIL:]
        if len(kept) < TAIL and self.path is not None:
            with suppress(OSError):
                kept = self.path.read_bytes()[-TAIL:] + kept
        return kept.decode(errors="backslashreplace")

    def close(self, *, keep: bool) -> str:
        """Finish the file, or remove it; its path, or nothing where there is none."""
        if not keep:
            if self.path is not None:
                with suppress(OSError):
                    self.path.unlink(missing_ok=True)
            return ""
        if self._tail:
            tail = b"".join(self._tail)
            dropped = self._dropped + max(0, len(tail) - TAIL)
            if dropped:
                self._append(f"\n... {dropped:,} bytes are left out here ...\n".encode())
            self._append(tail[-TAIL:])
            self._tail.clear()
        return "" if self.path is None else str(self.path)

    def _append(self, data: bytes) -> None:
        """A full disk costs what it costs, and never the trial."""
        if self._broken:
            return
        try:
            first = self.path is None
            self.path = self.path or self._folder() / self._name
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("wb" if first else "ab") as file:
                file.write(data)
        except OSError:
            self._broken = True


def widen(pipe: Connection) -> None:
    """Let a pipe hold more, where the system can, so that one who prints much waits less."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, TAIL * 2)


def log_name(item: object, number: int) -> str:
    """A file name for an item: the key of its first trial and how many more there are, else its number."""
    keys = [str(getattr(trial, "key", "")) for trial in getattr(item, "trials", ())]
    if not keys or not _SAFE.fullmatch(keys[0]):
        return f"item_{number}.log"
    return f"{keys[0]}+{len(keys) - 1}.log" if len(keys) > 1 else f"{keys[0]}.log"
