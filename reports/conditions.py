"""Conditions of a test as people read them."""

from __future__ import annotations

from ..core.conditions import parts_of
from .text import plain


def in_words(condition: str) -> str:
    """`clean`, `audio missing in 30 %`, `noise of 0.5 sd on audio and text`, `without audio`."""
    if not condition:
        return "clean"
    kind, level, which = parts_of(condition)
    names = " and ".join(plain(name) for name in which.split("+"))
    if level is None:
        return f"{plain(kind)} {names}"
    if kind == "missing":
        return f"{names or 'each modality'} missing in {100 * level:g} %"
    return f"{plain(kind)} of {level:g} sd on {names or 'every modality'}"
