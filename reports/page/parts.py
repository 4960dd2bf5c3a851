"""What sections are made of: plain tables of text, and text to be copied."""

from __future__ import annotations

from dataclasses import dataclass


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
