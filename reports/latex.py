r"""Tables in LaTeX. A paper with one needs `\usepackage{booktabs,amssymb,graphicx}`, siunitx if it is used."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from . import siunitx
from .comparison_columns import TIED
from .latex_text import latex_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sheet import Cell, Column, Sheet

_LONG = 40
"""Rows that still fit on a page."""
_WIDEST = 140
"""Letters of a line that can still be read when it is made as narrow as the page."""
_GAP = 2
"""Letters between two columns."""
_LONG_LABEL = 40
"""Letters that still stand on one line."""
_NUMBERED = 7
"""Letters that a character takes more where it is written by its number."""
_BATCH = 12
"""Tables after which the document sets what is pending, since LaTeX holds back only so many."""
_ALIGN = {"left": "l", "center": "c", "right": "r"}
_MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
_LEGEND = r"\textbf{Bold}: best mean of the %s; \underline{underlined}: second best; equal digits are marked alike."
_PREAMBLE = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs,amssymb,graphicx}
\begin{document}
"""


def latex(sheet: Sheet) -> str:
    """A `table`, made narrower only where it is wider than the line; above 40 rows it goes on in a second one."""
    starts = range(0, max(len(sheet.rows), 1), _LONG)
    parts = [
        replace(
            sheet,
            rows=sheet.rows[start : start + _LONG],
            set_apart=sheet.set_apart and start == 0,
            tail=sheet.tail if start + _LONG >= len(sheet.rows) else 0,
        )
        for start in starts
    ]
    return "\n".join(_float(part, index, last=index == len(parts) - 1) for index, part in enumerate(parts))


def latex_document(sheets: Iterable[Sheet]) -> str:
    """A document with every table, which pdflatex compiles as it is."""
    sheets = list(sheets)
    package = "\\usepackage{siunitx}\n" if any(sheet.siunitx for sheet in sheets) else ""
    parts = [_PREAMBLE.replace("\\begin{document}", f"{package}\\begin{{document}}")]
    for index, sheet in enumerate(sheets):
        parts.append("\\clearpage\n" if index and index % _BATCH == 0 else "\n")
        parts.append(latex(sheet))
    empty = "No tables.\n" if len(parts) == 1 else ""
    return "".join([*parts, empty, "\n\\end{document}\n"])


def _float(sheet: Sheet, index: int, *, last: bool) -> str:
    """One part of a table; later parts have its number, the last one its notes."""
    caption = latex_text(sheet.caption)
    lines = [
        r"\begin{table}[htbp]",
        *([r"  \addtocounter{table}{-1}"] if index else []),
        r"  \centering",
        f"  \\caption{{{caption}{' (continued)' if index else ''}}}",
        *([] if index else [f"  \\label{{{_label(sheet)}}}"]),
        *_tabulars(sheet),
        *(_notes(sheet) if last else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _tabulars(sheet: Sheet) -> list[str]:
    """The columns in one tabular, or in several below each other where they would be too small to read."""
    lines: list[str] = []
    for part in _pieces(sheet):
        lines += [r"  \par\medskip"] if lines else []
        lines += [
            r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            f"  \\begin{{tabular}}{{{_columns(part)}}}",
            *_head(part),
            *_body(part),
            r"    \bottomrule",
            r"  \end{tabular}}",
        ]
    return lines


def _pieces(sheet: Sheet) -> list[Sheet]:
    """Sheets that each have the columns before the first group, and then as many groups as are wide enough to read."""
    groups = _with_neighbours(sheet)
    lead = next((first for first, _, group in groups if group), len(sheet.columns))
    widths = [
        max((len(row[index].text) + len(row[index].spread) + row[index].tied for row in sheet.rows), default=0) + _GAP
        for index in range(len(sheet.columns))
    ]
    taken: list[list[int]] = []
    for first, width, _ in groups:
        columns = list(range(first, first + width))
        room = _WIDEST - sum(min(width, _LONG_LABEL) for width in widths[:lead])
        if first < lead:
            continue
        if not taken or sum(widths[index] for index in [*taken[-1], *columns]) > room:
            taken.append([])
        taken[-1] += columns
    if len(taken) <= 1:
        return [sheet]
    return [_of_columns(sheet, [*range(lead), *columns]) for columns in taken]


def _with_neighbours(sheet: Sheet) -> list[tuple[int, int, str]]:
    """The groups of a sheet, with columns that have none and stand behind one, such as costs, together."""
    found: list[tuple[int, int, str]] = []
    for first, width, group in sheet.groups():
        if found and not group and not found[-1][2] and any(before for _, _, before in found):
            start, wide, _ = found.pop()
            found.append((start, wide + width, ""))
        else:
            found.append((first, width, group))
    return found


def _of_columns(sheet: Sheet, columns: list[int]) -> Sheet:
    rows = tuple(tuple(row[index] for index in columns) for row in sheet.rows)
    return replace(sheet, columns=tuple(sheet.columns[index] for index in columns), rows=rows)


def _label(sheet: Sheet) -> str:
    return "tab:" + (re.sub(r"[^A-Za-z0-9]+", "-", sheet.name).strip("-") or "table")


def _columns(sheet: Sheet) -> str:
    """`@{}lccrr@{}`: no vertical rules, flush with the text on both sides."""
    return "@{}" + "".join(_numbers(sheet, index) or _ALIGN[c.align] for index, c in enumerate(sheet.columns)) + "@{}"


def _numbers(sheet: Sheet, index: int) -> str:
    """What siunitx makes of a column; empty without it, and where there are no numbers to align."""
    if not sheet.siunitx or not index or sheet.columns[index].align != "right":
        return ""
    return siunitx.column([row[index] for row in sheet.rows])


def _head(sheet: Sheet) -> list[str]:
    """One row of headings, or two where columns stand in groups."""
    headings = " & ".join(_heading(column) for column in sheet.columns)
    lines = [r"    \toprule"]
    if any(column.group for column in sheet.columns):
        cells, rules = [], []
        for first, width, group in sheet.groups():
            cells.append(f"\\multicolumn{{{width}}}{{c}}{{{latex_text(group)}}}" if group else "")
            if group:
                rules.append(f"\\cmidrule(lr){{{first + 1}-{first + width}}}")
        lines += [f"    {' & '.join(cells)} \\\\", f"    {' '.join(rules)}"]
    return [*lines, f"    {headings} \\\\", r"    \midrule"]


def _heading(column: Column) -> str:
    text = latex_text(column.heading)
    return f"\\multicolumn{{1}}{{c}}{{{text}}}" if column.align == "right" else text


def _body(sheet: Sheet) -> list[str]:
    made = [siunitx.field if _numbers(sheet, index) else _field for index in range(len(sheet.columns))]
    rows = [
        [_row_label(label), *(make(cell) for make, cell in zip(made[1:], cells, strict=True))]
        for label, *cells in sheet.rows
    ]
    lines = []
    for index, row in enumerate(rows):
        lines += [r"    \midrule"] if index in sheet.ruled else []
        lines.append(f"    {' & '.join(row)} \\\\")
    return lines


def _row_label(cell: Cell) -> str:
    """The label, in several lines where it is long; names may break behind their joints too."""
    text = latex_text(cell.text)
    if len(cell.text) + _NUMBERED * text.count("{[}U+") <= _LONG_LABEL:
        return text
    breakable = re.sub(r"(\\_|\{\]\}|(?<=\w)(?<!\}U)[/.+=,-](?=\w))", r"\1\\allowbreak{}", text)
    return f"\\parbox[t]{{.3\\linewidth}}{{\\raggedright {breakable}\\strut}}"


def _field(cell: Cell) -> str:
    if cell.tick is not None:
        return r"$\checkmark$" if cell.tick else r"$\times$"
    behind = latex_text(f"{cell.spread}{TIED if cell.tied else ''}")
    behind = f"\\,{{\\scriptsize$\\pm$\\,{behind}}}" if cell.spread else behind
    return _MARKS[cell.mark] % latex_text(cell.text) + behind


def _notes(sheet: Sheet) -> list[str]:
    notes = [latex_text(note) for note in sheet.notes] + (
        [(siunitx.LEGEND if sheet.siunitx else _LEGEND) % sheet.among] if sheet.marked else []
    )
    if not notes:
        return []
    return [
        r"  \par\smallskip",
        r"  \begin{minipage}{\linewidth}\footnotesize\raggedright",
        *(f"    {note}" for note in notes),
        r"  \end{minipage}",
    ]
