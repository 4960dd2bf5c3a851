"""Tables in GitHub's Markdown, aligned so that they read as well on a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from .sheet import Cell, Column, Sheet

_SPECIAL = re.compile(r"[\\`*|<>\[\]~$]|&(?=[#\w]+;)|(?<![^\W_])_|_(?![^\W_])")
_MARKS = {"best": ("**", "**"), "second": ("_", "_"), "": ("", "")}
_LEGEND = "**Bold**: best mean of the {among}; _slanted_: second best; equal digits are marked alike."


def markdown(sheet: Sheet) -> str:
    """Caption, table and notes; ends with a line break."""
    rooms = _rooms(sheet)
    body = [[_field(cell, room) for cell, room in zip(row, rooms, strict=True)] for row in sheet.rows]
    heads = [markdown_text(column.single) for column in sheet.columns]
    widths = [max(3, *(cell_len(row[index]) for row in [heads, *body])) for index in range(len(heads))]
    rules = [_rule(column, width) for column, width in zip(sheet.columns, widths, strict=True)]
    lines = [_line(heads, sheet, widths), f"|{'|'.join(rules)}|", *(_line(row, sheet, widths) for row in body)]
    notes = [_paragraph(note) for note in sheet.notes] + ([_LEGEND.format(among=sheet.among)] if sheet.marked else [])
    return "\n".join([_paragraph(sheet.caption), "", *lines, "", *notes]).rstrip() + "\n"


def markdown_text(text: str) -> str:
    """`text` without a meaning in Markdown; an underscore between letters has none."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _paragraph(text: str) -> str:
    """Text on a line of its own, where a leading `#`, `-`, `+`, `=` or `1.` would begin something else."""
    escaped = markdown_text(text)
    return re.sub(r"^(\d*)([-#+=.)])", r"\1\\\2", escaped)


def _rooms(sheet: Sheet) -> list[int]:
    """The widest mark of each column, so that digits stand under digits."""
    return [
        max((len(_MARKS[row[index].mark][0]) for row in sheet.rows), default=0) for index in range(len(sheet.columns))
    ]


def _field(cell: Cell, room: int) -> str:
    if cell.mark or cell.behind or room:
        before, after = _MARKS[cell.mark]
        gap = " " * (room - len(after))
        last = f"{gap}{cell.behind}" if cell.spread else f"{cell.behind}{gap}"
        return f"{before}{markdown_text(cell.text)}{after}{last}"
    return markdown_text(cell.text)


def _rule(column: Column, width: int) -> str:
    left = ":" if column.align == "center" else "-"
    right = "-" if column.align == "left" else ":"
    return f"{left}{'-' * width}{right}"


def _line(fields: list[str], sheet: Sheet, widths: list[int]) -> str:
    padded = [
        _pad(field, column.align, width) for field, column, width in zip(fields, sheet.columns, widths, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _pad(field: str, align: str, width: int) -> str:
    """`field` on `width` places of a terminal, on which some characters take two."""
    free = width - cell_len(field)
    before = {"left": 0, "center": free // 2, "right": free}[align]
    return " " * before + field + " " * (free - before)
