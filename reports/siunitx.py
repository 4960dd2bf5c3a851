r"""Numbers for the `S` columns of siunitx 3: `0.524 ± 0.097` becomes `0.524(97)`, and all are aligned at the point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .latex_text import latex_text
from .numerals import MINUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sheet import Cell

_NUMBER = re.compile(rf"(<?)([+{MINUS}]?)(\d+)(?:\.(\d+))?")
_MARKS = {"best": r"\bfseries ", "second": r"\slshape ", "": ""}
LEGEND = r"\textbf{Bold}: best mean of the %s; \textsl{slanted}: second best; equal digits are marked alike."


def column(cells: Sequence[Cell]) -> str:
    """The specification of a column, `S[table-format=-1.3(2),...]`; empty where it is not one of numbers."""
    found = [match for cell in cells if (match := _NUMBER.fullmatch(cell.text))]
    others = [cell for cell in cells if not _NUMBER.fullmatch(cell.text)]
    if not found or any(re.search(r"\d", cell.text) or cell.spread for cell in others):
        return ""
    if any(cell.spread and not _NUMBER.fullmatch(cell.spread) for cell in cells):
        return ""
    whole, places = max(len(one[3]) for one in found), max(len(one[4] or "") for one in found)
    sign = "-" if any(one[2] for one in found) else ""
    below = "<" if any(one[1] for one in found) else ""
    behind = max((len(_uncertainty(cell)) for cell in cells if cell.spread), default=0)
    form = f"{below}{sign}{whole}{f'.{places}' if places else ''}{f'({behind})' if behind else ''}"
    options = [f"table-format={form}"]
    options += ["uncertainty-mode=separate"] if behind else []
    options += ["retain-explicit-plus"] if any(one[2] == "+" for one in found) else []
    if any(cell.mark for cell in cells):
        options += ["mode=text", "reset-text-series=false", "reset-text-shape=false"]
    return f"S[{','.join(options)}]"


def field(cell: Cell) -> str:
    """A field of such a column; what is no number stands in braces."""
    if not _NUMBER.fullmatch(cell.text):
        return f"{{{latex_text(cell.text)}}}" if cell.text else ""
    number = cell.text.replace(MINUS, "-")
    spread = f"({_uncertainty(cell)})" if cell.spread else ""
    tied = r" {\rlap{$^{\dag}$}}" if cell.tied else ""  # without a width, or the column grows too wide
    return f"{_MARKS[cell.mark]}{number}{spread}{tied}"


def _uncertainty(cell: Cell) -> str:
    """The spread in units of the last digit: `97` of 0.524 ± 0.097, which have equally many."""
    return cell.spread.replace(".", "").lstrip("0") or "0"
