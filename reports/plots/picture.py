"""A plot that can be drawn: its name, what it shows in words, and what draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Picture:
    """One plot of a study."""

    kind: str
    """Which plot: `forest`, `seeds`, ..."""
    about: str
    """Design that it is about; empty for the whole study."""
    title: str
    """What it shows, in a line."""
    reading: str
    """How to read it."""
    numbers: str
    """What is to be seen, in sentences: for those who cannot see it."""
    draw: Callable[[], Figure]
    """Makes the figure, inside `house_style`."""
    named: str = ""
    """What it is about, as the page heads it: the table's name, with what tells it from others of its design."""

    @property
    def name(self) -> str:
        """`forest-components`."""
        return f"{self.kind}-{self.about}" if self.about else self.kind

    @property
    def description(self) -> str:
        """All of it in words."""
        return f"{self.reading} {self.numbers}".strip()
