"""Names of studies and designs become names of folders and files; labels become lines of tables."""

from __future__ import annotations

import re
import unicodedata

from .limits import MAX_KEY

_NAME = re.compile(r"[^\W_](?:[\w .-]*[\w-])?")
_PART = re.compile(r"[\w-]+")
_LONGEST = 80
_MOST_BYTES = 200
"""Of a name as a file: systems take 255, and what is written beside it needs an ending."""
_DEVICES = re.compile(r"(?:con|prn|aux|nul|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(?: *\..*)?", re.IGNORECASE)
_OURS = re.compile(r"store(?:\..*)?|predictions|checkpoints|logs|artefacts|artifacts|plan\.json", re.IGNORECASE)
"""What butfor itself puts into a run folder, beside one folder for each study."""


def name_problem(name: str) -> str:
    """What is wrong with a name; empty where nothing is."""
    if len(name) > _LONGEST or len(name.encode(errors="replace")) > _MOST_BYTES:
        return f"is longer than {_LONGEST} characters or {_MOST_BYTES} bytes"
    if not _NAME.fullmatch(name):
        return "must begin with a letter or digit, and hold only letters, digits, space, `-`, `_` and `.`"
    if _DEVICES.fullmatch(name):
        return "is the name of a device on Windows"
    if not unicodedata.is_normalized("NFC", name):
        return f"is written in a way that not all systems keep; write it as '{unicodedata.normalize('NFC', name)}'"
    return ""


def folder_problem(name: str) -> str:
    """What is wrong with the name of a study, which is a folder among those that butfor makes itself."""
    return name_problem(name) or ("is what butfor itself calls a part of its results" if _OURS.fullmatch(name) else "")


def part_problem(name: str) -> str:
    """What is wrong with the name of a loss term; empty where nothing is. It becomes the name of a module."""
    if len(name) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    return "" if _PART.fullmatch(name) else "must hold only letters, digits, `-` and `_`"


def label_problem(label: str) -> str:
    """What is wrong with a label; empty where nothing is."""
    if not label.strip():
        return "is empty"
    if len(label) > MAX_KEY:
        return f"is longer than {MAX_KEY} characters"
    odd = next((character for character in label if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}), None)
    return f"has the character U+{ord(odd):04X}; a label is one plain line" if odd is not None else ""
