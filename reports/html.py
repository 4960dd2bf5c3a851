"""Tables in HTML: a fragment for a page, and a page of its own that loads and runs nothing."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sheet import Cell, Column, Sheet

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 Georgia, "Times New Roman", serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; font-weight: 600; }
.butfor-table { margin: 2.5rem 0; overflow-x: auto; }
.butfor-table table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
.butfor-table caption { text-align: left; font-weight: 600; padding-bottom: .5rem; }
.butfor-table th, .butfor-table td { padding: .2rem .7rem; font-weight: 400; white-space: nowrap; }
.butfor-table thead th[colspan] span { display: block; border-bottom: 1px solid; }
.butfor-table tbody tr:first-child > * { border-top: 1px solid; }
.butfor-table thead th { vertical-align: bottom; }
.butfor-table tbody th { white-space: normal; min-width: 9rem; max-width: 24rem; overflow-wrap: break-word; }
.butfor-table .left { text-align: left; }
.butfor-table .center { text-align: center; }
.butfor-table .right { text-align: right; font-variant-numeric: tabular-nums lining-nums; }
.butfor-table .best b { font-weight: 700; }
.butfor-table .second u { text-underline-offset: .18em; }
.butfor-table .sd { font-size: .85em; }
.butfor-table .baseline > * { border-bottom: 1px solid; }
.butfor-table .ruled > * { border-top: 1px solid; }
.butfor-table .notes { font-size: .85rem; margin: .5rem 0 0; max-width: 60rem; }
@media print { body { margin: 0; max-width: none; } .butfor-table { overflow: visible; break-inside: avoid; } }
"""
_LEGEND = "<b>Bold</b>: best mean of the {among}; <u>underlined</u>: second best; equal digits are marked alike."


def html(sheet: Sheet) -> str:
    """A `div` with the table and its notes, to be put into a page that has `STYLE`."""
    notes = [escape(note) for note in sheet.notes] + ([_LEGEND.format(among=sheet.among)] if sheet.marked else [])
    lines = [
        f'<div class="butfor-table" role="region" tabindex="0" aria-label="{escape(sheet.caption)}">',
        "<table>",
        f"<caption>{escape(sheet.caption)}</caption>",
        "<thead>",
        *_head(sheet),
        "</thead>",
        "<tbody>",
        *(_row(row, sheet, index) for index, row in enumerate(sheet.rows)),
        "</tbody>",
        "</table>",
        *([f'<p class="notes">{" ".join(notes)}</p>'] if notes else []),
        "</div>",
    ]
    return "\n".join(lines) + "\n"


def html_page(sheets: Iterable[Sheet], title: str) -> str:
    """A whole page of tables in one file: no script, no network, which its policy also forbids."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        f"<h1>{escape(title)}</h1>",
        *(html(sheet).rstrip("\n") for sheet in sheets),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _head(sheet: Sheet) -> list[str]:
    """One row of headings; two where columns stand in groups, a single column then spans both."""
    if not any(column.group for column in sheet.columns):
        return [f"<tr>{''.join(_heading(column) for column in sheet.columns)}</tr>"]
    upper, lower = [], []
    for first, width, group in sheet.groups():
        if group:
            upper.append(f'<th scope="colgroup" colspan="{width}" class="center"><span>{escape(group)}</span></th>')
            lower += [_heading(column) for column in sheet.columns[first : first + width]]
        else:
            upper.append(_heading(sheet.columns[first], rows=2))
    return [f"<tr>{''.join(upper)}</tr>", f"<tr>{''.join(lower)}</tr>"]


def _heading(column: Column, rows: int = 1) -> str:
    span = f' rowspan="{rows}"' if rows > 1 else ""
    return f'<th scope="col"{span} class="{column.align}">{escape(column.heading)}</th>'


def _row(row: tuple[Cell, ...], sheet: Sheet, index: int) -> str:
    label, *cells = row
    fields = [f'<th scope="row" class="left">{escape(label.text)}</th>']
    fields += [_field(cell, column) for cell, column in zip(cells, sheet.columns[1:], strict=True)]
    first = sheet.set_apart and index == 0
    ruled = index in sheet.ruled and not (sheet.set_apart and index == 1)
    start = '<tr class="baseline">' if first else '<tr class="ruled">' if ruled else "<tr>"
    return f"{start}{''.join(fields)}</tr>"


def _field(cell: Cell, column: Column) -> str:
    tag = {"best": "b", "second": "u", "": ""}[cell.mark]
    text = escape(cell.text)
    if cell.tick is not None:
        text = f'<span role="img" aria-label="{"with" if cell.tick else "without"}">{text}</span>'
    elif tag:
        text = f"<{tag}>{text}</{tag}>"
    spread = f' <span class="sd">{escape(cell.behind.strip())}</span>' if cell.spread else escape(cell.behind)
    classes = f"{column.align} {cell.mark}".rstrip()
    return f'<td class="{classes}">{text}{spread}</td>'
