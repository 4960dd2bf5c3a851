"""Faster matrix products where torch's library holds back: asked for by name, recorded, tested in every process.

The MKL inside torch takes AVX-512 only on processors of its own vendor. A library of two functions, loaded before
torch, answers MKL's question about the vendor with yes. The question is a private symbol: a later MKL may ask another.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StudyError
from .cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

STOCK, AVX512 = ARITHMETICS = ("stock", "avx512")
"""As torch comes, and with AVX-512 on processors that MKL's vendor does not make."""
_SOURCE = "int mkl_serv_intel_cpu_true(void) { return 1; }\nint butfor_avx512(void) { return 1; }\n"
_PROCESSOR = Path("/proc/cpuinfo")


def why_not_here(name: str) -> str:
    """Why this machine cannot have an arithmetic; empty where it can."""
    if name == STOCK:
        return ""
    known = _PROCESSOR.read_text(encoding="utf-8", errors="replace") if _PROCESSOR.exists() else ""
    if "avx512f" not in known:
        return "this processor has no AVX-512, or is not on Linux"
    if "AuthenticAMD" not in known:
        return "on this processor torch's MKL takes AVX-512 by itself"
    return "" if _compiler() else "a library of two lines has to be compiled, and there is neither cc, gcc nor clang"


def _compiler() -> str:
    named = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    return next((found for name in named if name and (found := shutil.which(name))), "")


def is_active() -> bool:
    """Whether this process was started with the library."""
    if sys.platform == "win32":  # which has nothing to load before torch
        return False
    with suppress(AttributeError, OSError):
        return bool(ctypes.CDLL(None).butfor_avx512())
    return False


@contextmanager
def started_with(name: str) -> Iterator[None]:
    """Processes that are started inside compute so. Raises StudyError where this machine cannot."""
    if name == STOCK:
        yield
        return
    if reason := why_not_here(name):
        raise StudyError(f"--arithmetic {name}: {reason}; leave it out")
    before = os.environ.get("LD_PRELOAD")
    os.environ["LD_PRELOAD"] = " ".join([str(_library()), *([before] if before else [])])
    try:
        yield
    finally:
        os.environ.pop("LD_PRELOAD")
        if before is not None:
            os.environ["LD_PRELOAD"] = before


def _library() -> Path:
    """The library, compiled once. Raises StudyError where the compiler fails."""
    file = cache_folder() / "arithmetic" / f"avx512-{hashlib.sha256(_SOURCE.encode()).hexdigest()[:12]}.so"
    if not file.exists():
        draft = file.with_suffix(f".{os.getpid()}")
        command = [_compiler(), "-shared", "-fPIC", "-O1", "-x", "c", "-o", str(draft), "-"]
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(command, input=_SOURCE, text=True, capture_output=True, check=True)  # noqa: S603 - our own source, by the compiler of this machine
            draft.replace(file)
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            raise StudyError(f"--arithmetic avx512: the library cannot be made: {said.strip()}") from None
    return file
