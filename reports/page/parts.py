"""What sections are made of: plain tables of text, and text to be copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_ROOMS = ((115, ""), (170, "wide"), (215, "wide small"), (260, "wide tiny"))
"""(letters that stand beside each other, class): on the page as it is, across it, and across it in smaller type."""
_APART = 1.5
"""Letters between two columns."""


def room_for(columns: Iterable[Iterable[str]]) -> str:
    """Classes of a table for print: texts may break at spaces, but what cannot be broken must not be cut off."""
    words = ([word for text in texts for word in text.replace("± ", "±").split()] for texts in columns)
    widths = [max(map(len, some), default=0) for some in words]
    letters = sum(width + _APART for width in widths)
    return next((name for most, name in _ROOMS if letters <= most), "wide least")


@dataclass(frozen=True, slots=True)
class Copy:
    """A text to be copied as a whole."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A table of plain text; the first field of a row says what the row is of."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    code: frozenset[int] = frozenset()
    """Columns that hold commands or keys."""
    tight: bool = False
    """Whether its fields are numbers that must not be broken into lines."""

    @property
    def room(self) -> str:
        """What it takes on paper."""
        return room_for(zip(self.headings, *self.rows, strict=True))
