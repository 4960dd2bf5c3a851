"""Whether this machine can compile what torch generates."""

from __future__ import annotations

import os
import shutil


def why_not_here() -> str:
    """Why nothing can be compiled on this machine; empty where it can."""
    if os.environ.get("CXX") or any(map(shutil.which, ("g++", "clang++", "c++"))):
        return ""
    return "compiling needs a C++ compiler, and there is neither g++ nor clang++ here"
