"""A table as a rich terminal shows it; in notebooks it is the HTML of `html`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from .sheet import Cell, Sheet

_MARKS = {"best": "bold", "second": "underline", "": ""}


def rich_table(sheet: Sheet) -> RichTable:
    """Caption, columns and rows, the notes below; square brackets in them are no markup."""
    table = RichTable(title=Text(sheet.caption), caption=Text(" ".join(sheet.notes)), title_justify="left")
    for column in sheet.columns:
        table.add_column(Text(column.single), justify=column.align)
    for index, row in enumerate(sheet.rows):
        table.add_row(*(_text(cell) for cell in row), end_section=index + 1 in sheet.ruled)
    return table


def _text(cell: Cell) -> Text:
    return Text.assemble((cell.text, _MARKS[cell.mark]), cell.behind)
