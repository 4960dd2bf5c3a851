"""Labels as people wrote them, made safe for one line of a table: no control codes, no line breaks."""

from __future__ import annotations

import re
import unicodedata

_ESCAPE_SEQUENCE = re.compile(
    r"""
    (?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?       # CSI: colours, cursor movements
    | (?:\x1b\]|\x9d).*?(?:\x07|\x1b\\|\x9c|$)  # OSC: window titles, links
    | \x1b[ -/]*[0-~]?                      # the short ones
    """,
    re.VERBOSE | re.DOTALL,
)
_JOINERS = frozenset({"\u200c", "\u200d"})
_REPLACEMENT = "\ufffd"


def plain(text: str) -> str:
    """`text` on one line, without terminal codes, control or direction characters; runs of white space become one."""
    kept = "".join(_plain_character(character) for character in _ESCAPE_SEQUENCE.sub("", text))
    return " ".join(kept.split())


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category in {"Zl", "Zp"}:
        return " "
    if category == "Cs":
        return _REPLACEMENT
    if category == "Cc" or (category == "Cf" and character not in _JOINERS):
        return ""
    return character
