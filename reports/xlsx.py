"""Tables as a workbook: each as it is printed, and its numbers on a sheet of their own. The same bytes each time."""

from __future__ import annotations

import io
import math
import re
import zipfile
from copy import copy
from typing import TYPE_CHECKING, Any

from ..core.errors import StudyError
from .figures import effect_rows, wide_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .sheet import Sheet
    from .table import Table

_LONGEST = 31
"""Letters in the name of a sheet."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DATES = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")
_FORBIDDEN = re.compile(r"[\\/*?:\[\]\x00-\x1f]")


def xlsx(tables: Sequence[Table]) -> bytes:
    """One workbook. Raises StudyError where openpyxl is not installed."""
    try:
        from openpyxl import Workbook  # noqa: PLC0415 - an extra, loaded when it is asked for
    except ImportError:
        raise StudyError("XLSX needs openpyxl, which is not installed: pip install 'butfor[xlsx]'") from None
    book = Workbook()
    book.remove(book.active)
    taken: set[str] = set()
    for table in tables:
        _printed(book.create_sheet(_name(table.name, taken)), table.sheet())
        _numbers(book.create_sheet(_name(f"{table.name} numbers", taken)), [wide_rows(table), effect_rows(table)])
    if not tables:
        book.create_sheet("no tables")
    raw = io.BytesIO()
    book.save(raw)
    return _same_each_time(raw.getvalue())


def _printed(page: Any, sheet: Sheet) -> None:  # noqa: ANN401 - a worksheet, of a package that may not be there
    """Caption, headings, rows with their marks, notes."""
    from openpyxl.styles import Alignment, Border, Font, Side  # noqa: PLC0415 - an extra

    thin = Side(style="thin")
    _put(page, 1, 1, sheet.caption).font = Font(bold=True)
    ruled, alike = sheet.ruled, dict[tuple[object, ...], Any]()
    for index, column in enumerate(sheet.columns, start=1):
        cell = _put(page, 3, index, column.single)
        cell.font, cell.border = Font(bold=True), Border(bottom=thin)
        cell.alignment = Alignment(horizontal=column.align, wrap_text=True)
        page.column_dimensions[cell.column_letter].width = 34 if index == 1 else 18
        for number, row in enumerate(sheet.rows):
            field = row[index - 1]
            cell = _put(page, 4 + number, index, f"{field.text}{field.behind}")
            look = (field.mark, column.align, number in ruled)
            if look in alike:  # to make a style anew for each field takes most of the time
                cell._style = copy(alike[look]._style)  # noqa: SLF001 - as openpyxl copies cells
                continue
            alike[look] = cell
            cell.font = Font(bold=field.mark == "best", underline="single" if field.mark == "second" else None)
            cell.alignment = Alignment(horizontal=column.align)
            cell.border = Border(top=thin) if number in ruled else Border()
    legend = [f"Bold: best mean of the {sheet.among}; underlined: second best; equal digits are marked alike."]
    for number, note in enumerate([*sheet.notes, *(legend if sheet.marked else [])]):
        _put(page, 5 + len(sheet.rows) + number, 1, note)


def _numbers(page: Any, parts: Iterable[tuple[Sequence[str], Sequence[Mapping[str, Any]]]]) -> None:  # noqa: ANN401 - a worksheet
    """Columns and rows under each other, unrounded."""
    line = 1
    for columns, rows in parts:
        if not columns:
            continue
        for index, name in enumerate(columns, start=1):
            _put(page, line, index, name)
        for row in rows:
            line += 1
            for index, name in enumerate(columns, start=1):
                if (value := row.get(name)) is not None:
                    _put(page, line, index, value)
        line += 2


def _put(page: Any, row: int, column: int, value: Any) -> Any:  # noqa: ANN401 - a worksheet, a value and a cell
    """The cell, with the value in it. What is text stays text, also where it begins like a formula."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    cell = page.cell(row, column, value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def _name(text: str, taken: set[str]) -> str:
    """A name that a workbook takes and that no other sheet has, also where case does not count."""
    stem = _FORBIDDEN.sub("-", text).strip("' ") or "table"
    ending = " numbers" if stem.endswith(" numbers") else ""
    stem = stem.removesuffix(ending)
    unique, again = stem[: _LONGEST - len(ending)] + ending, 2
    while unique.casefold() in taken:
        unique, again = f"{stem[: _LONGEST - len(ending) - 5]} {again}{ending}", again + 1
    taken.add(unique.casefold())
    return unique


def _same_each_time(raw: bytes) -> bytes:
    """The archive without the time at which it was made."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "docProps/core.xml":
                content = _DATES.sub(rb"\g<1>1980-01-01T00:00:00Z\g<2>", content)
            new.writestr(zipfile.ZipInfo(entry.filename, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
