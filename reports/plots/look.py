"""How every plot looks: colours that colour-blind readers tell apart, with a shape and a line style beside each."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

INK, GREY, PALE = "#1a1a1a", "#595959", "#d9d9d9"
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
WIDTH = 7.2
"""Inches: the text width of a page."""
_LOOK: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.facecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,  # labels are of users: a dollar sign in them is a dollar sign
    "svg.fonttype": "none",  # text stays text: it can be found, read aloud, and is small
    "svg.hashsalt": "butfor",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "path.simplify": True,
    "lines.solid_capstyle": "butt",  # as SVG has it where nothing is said
}


class Look(NamedTuple):
    """What tells one series from the others, in colour and without."""

    colour: str
    marker: str
    line: str
    hatch: str


_LOOKS = tuple(
    Look(*parts)
    for parts in zip(
        (INK, BLUE, VERMILLION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#7F5200"),
        ("o", "s", "^", "D", "v", "P", "X", "*"),
        ("-", "--", "-.", ":", "-", "--", "-.", ":"),
        # lines alone: a hatch of dots or circles takes 90 kB a figure
        ("", "///", "---", "\\\\\\", "xx", "||", "++", "/-"),
        strict=True,
    )
)
MOST = len(_LOOKS)
"""Series that one plot can tell apart."""
PANELS = 3
"""Metrics of one table that are drawn."""


def look(number: int) -> Look:
    """That of a series, by its place."""
    return _LOOKS[number % MOST]


@contextmanager
def house_style() -> Iterator[None]:
    """The same settings wherever it runs, whatever a user's own files say; nothing of it stays."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        yield


def canvas(height: float, columns: int = 1, rows: int = 1, *, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """A figure, in inches, and its panels from left to right and top to bottom."""
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    return figure, list(panels.flat)


def wrapped(text: str, width: int, most: int = 3) -> str:
    """`text` on at most `most` lines of about `width` letters; what does not fit ends in an ellipsis."""
    found = textwrap.wrap(text, width) or [""]
    return "\n".join(found if len(found) <= most else [*found[: most - 1], f"{found[most - 1][: width - 1]}…"])
