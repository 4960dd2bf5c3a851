"""Evidence as a person reads it, cell by cell, and as JSON for a program; and the marks of cells in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.conditions import split_under
from .text import lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core.evidence import Evidence, Mark

LEGEND: Mapping[Mark, str] = {
    "≡": "the same computation as another cell",
    "⊘": "the ablation did not take effect",
    "½": "the ablation took effect in part",
}
"""What a mark beside a label means, the gravest first."""


def marks(records: Iterable[Evidence]) -> dict[str, Mark]:
    """{cell: its gravest mark}; cells without one are left out.

    Under the key of a row (`CELL@CONDITION`), that of a cell as it is tested under a condition.
    """
    found: dict[str, Mark] = {}
    order = list(LEGEND)
    for one in records:
        row = split_under(one.cell, str(one.details.get("condition", "")))
        if one.mark and (row not in found or order.index(one.mark) < order.index(found[row])):
            found[row] = one.mark
    return found


def as_json(one: Evidence, labels: Mapping[str, str]) -> dict[str, Any]:
    """One record."""
    told = one.model_dump(mode="json")
    return {"label": labels.get(one.cell, ""), **told, "other_label": labels.get(one.other, "")}


def as_text(records: Sequence[Evidence], labels: Mapping[str, str], cells: Sequence[str], *, full: bool) -> str:
    """A paragraph for each of `cells`; unless `full`, only what is marked or odd, and what many cells share once."""
    marked, said = marks(records), set[tuple[str, str]]()
    paragraphs = []
    for cell in cells:
        own = [one for one in records if one.cell == cell and (full or one.mark or "code" in one.details)]
        fresh = [one for one in own if full or (one.question, one.message) not in said]
        said |= {(one.question, one.message) for one in own}
        if fresh or full:
            sign = f"{marked[cell]} " if cell in marked else ""
            paragraphs.append("\n".join([f"{sign}{labels[cell]}  ({cell})", *map(_line, fresh)]))
    silent = sum(all(one.cell != cell or not (one.mark or "code" in one.details) for one in records) for cell in cells)
    if not full and silent:
        paragraphs.append(f"{silent} of {len(cells)} cells: nothing odd; `butfor evidence CELL` tells all of one")
    legend = [f"{mark} {words}" for mark, words in LEGEND.items() if mark in marked.values()]
    return "\n\n".join([*paragraphs, *(["\n".join(legend)] if legend else [])])


def _line(one: Evidence) -> str:
    mark = f"{one.mark} " if one.mark else ""
    about = f" [{one.paths[0]}]" if len(one.paths) == 1 else ""
    return lines(f"  {one.phase} training, {one.question}: {mark}{one.message}{about}")
