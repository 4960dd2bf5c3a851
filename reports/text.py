"""Labels as people wrote them, made safe for one line of a table: no control codes, no line breaks."""

from __future__ import annotations

import json
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


_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def json_text(value: object, indent: int | None = 2) -> str:
    """`value` as JSON that a person can read: letters as they are, what a terminal would obey as its number."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(text: str) -> str:
    """`text` on one line, without terminal codes, control or direction characters; runs of white space become one."""
    if text.isascii() and text.isprintable():  # nearly always
        return " ".join(text.split())
    kept = "".join(_plain_character(character) for character in _ESCAPE_SEQUENCE.sub("", text))
    return " ".join(kept.split())


def lines(text: str) -> str:
    """`text` on its lines, each with its indentation, otherwise like `plain`: for a terminal."""
    kept = _ESCAPE_SEQUENCE.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join("".join(_plain_character(character) for character in line) for line in kept)


def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category in {"Zl", "Zp"}:
        return " "
    if category == "Cs":
        return _REPLACEMENT
    if category == "Cc" or (category == "Cf" and character not in _JOINERS):
        return ""
    return character
