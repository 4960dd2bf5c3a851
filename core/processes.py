"""Processes by an identity that outlives their number, and whether one is known to have ended."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Process:
    """A process of some machine."""

    host: str
    """The machine and its process namespace; empty where the system does not say."""
    boot: str
    """Which start of the machine."""
    pid: int
    start: str
    """When it started, in the system's own count: a number is used again, a number with its start is not."""

    @classmethod
    def this(cls) -> Self:
        """The calling process."""
        pid = os.getpid()
        return cls(_host(), _read("/proc/sys/kernel/random/boot_id"), pid, _start(pid) or "")

    def has_ended(self) -> bool:
        """Whether it is known to have ended; False where that cannot be known, as on another machine."""
        if not self.host or self.host != _host() or not self.start:
            return False
        if self.boot != _read("/proc/sys/kernel/random/boot_id"):
            return True
        start = _start(self.pid)
        return _is_free(self.pid) if start is None else start != self.start


@cache
def _host() -> str:
    """Empty unless it tells machines apart: a name alone may be that of many."""
    machine = _read("/etc/machine-id") or _read("/proc/sys/kernel/random/boot_id")
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        return ""
    return f"{platform.node()} {machine[:12]} {namespace}" if machine else ""


def _start(pid: int) -> str | None:
    """Start of a process in clock ticks since boot, empty for one that is dead, or None where none is to be seen."""
    said = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if not said:
        return None
    return "" if said[0] in "ZX" else said[19]


def _is_free(pid: int) -> bool:
    """Whether no process has this number; one that is hidden from us has it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
