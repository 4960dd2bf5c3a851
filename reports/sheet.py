"""A table as texts, marks and headings: what Markdown, LaTeX and HTML share, before any of them escapes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .comparison_columns import TIED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Mark = Literal["", "best", "second"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: a text, or a number with its spread and rank, or a tick."""

    text: str
    spread: str = ""
    """The sd behind `±`; empty without one."""
    mark: Mark = ""
    """Whether the number is the best or second best of its column."""
    tick: bool | None = None
    """For components: True kept, False removed."""
    tied: bool = False
    """Whether a dagger stands behind it: it is not told apart from the best."""

    @property
    def behind(self) -> str:
        """What stands behind the text: ` ± 0.010†`."""
        spread = f" ± {self.spread}" if self.spread else ""
        return f"{spread}{TIED if self.tied else ''}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column and what stands above it."""

    heading: str
    """In the row right above the numbers."""
    align: Literal["left", "center", "right"]
    group: str = ""
    """Above the heading, over all neighbours with the same group; empty for none."""
    flat: str = ""
    """The heading where there is only one row of headings; empty for `heading`."""

    @property
    def single(self) -> str:
        """The heading for formats with one row of headings."""
        return self.flat or self.heading


def grouped(group: str, columns: Sequence[Column]) -> list[Column]:
    """The columns under one heading; where there is only one row of headings the first of them says both."""
    return [
        replace(column, group=group, flat=f"{group}: {column.heading}" if not index else column.flat)
        for index, column in enumerate(columns)
    ]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns and rows of plain text, the label first."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]
    set_apart: bool
    """Whether the first row is the baseline that the others are held against."""
    tail: int = 0
    """Rows at the end that stand apart: published numbers, or means and effects of a cross table."""
    siunitx: bool = False
    """Whether numbers are set by the package siunitx in LaTeX."""
    among: str = "column"
    """What the best and second best are the best of: their column, or their metric in whatever column."""

    @property
    def ruled(self) -> frozenset[int]:
        """Numbers of the rows that have a rule above them."""
        tail = {len(self.rows) - self.tail} if 0 < self.tail < len(self.rows) else set()
        return frozenset(tail | ({1} if self.set_apart else set()))

    @property
    def marked(self) -> bool:
        """Whether any number is marked, so that a legend is due."""
        return any(cell.mark for row in self.rows for cell in row)

    def groups(self) -> list[tuple[int, int, str]]:
        """(first column, number of columns, group) of neighbours; a column without a group stands alone."""
        found: list[tuple[int, int, str]] = []
        for index, column in enumerate(self.columns):
            if found and column.group and found[-1][2] == column.group:
                first, width, group = found.pop()
                found.append((first, width + 1, group))
            else:
                found.append((index, 1, column.group))
        return found

    def shown(self) -> pd.DataFrame:
        """Texts as read: `**0.812** ± 0.010`, `_0.801_ ± 0.012`, `✓`; a heading that comes twice names its group."""
        from pandas import DataFrame  # noqa: PLC0415 - long to import; formats do without

        names = [column.single for column in self.columns]
        unique = [
            f"{name} {column.group}" if names.count(name) > 1 and column.group else name
            for name, column in zip(names, self.columns, strict=True)
        ]
        return DataFrame([[_shown(cell) for cell in row] for row in self.rows], columns=unique, dtype=object)


def _shown(cell: Cell) -> str:
    frame = {"best": "**", "second": "_", "": ""}[cell.mark]
    return f"{frame}{cell.text}{frame}{cell.behind}"
