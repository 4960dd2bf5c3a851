"""Names of studies and designs become names of folders and files."""

from __future__ import annotations

import re

_NAME = re.compile(r"[^\W_](?:[\w .-]*[\w-])?")
_LONGEST = 80


def name_problem(name: str) -> str:
    """What is wrong with a name; empty where nothing is."""
    if len(name) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    if not _NAME.fullmatch(name):
        return "must begin with a letter or digit, and hold only letters, digits, space, `-`, `_` and `.`"
    return ""
