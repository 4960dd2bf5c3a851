r"""Tables in LaTeX. A paper that takes one in needs `\usepackage{booktabs,amssymb,graphicx}`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .latex_text import latex_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sheet import Cell, Column, Sheet

_LONG = 40
"""Rows that still fit on a page."""
_LONG_LABEL = 40
"""Letters that still stand on one line."""
_NUMBERED = 7
"""Letters that a character takes more where it is written by its number."""
_BATCH = 12
"""Tables after which the document sets what is pending, since LaTeX holds back only so many."""
_ALIGN = {"left": "l", "center": "c", "right": "r"}
_MARKS = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
_LEGEND = r"\textbf{Bold}: best mean of the column; \underline{underlined}: second best; equal digits are marked alike."
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
        replace(sheet, rows=sheet.rows[start : start + _LONG], set_apart=sheet.set_apart and start == 0)
        for start in starts
    ]
    return "\n".join(_float(part, index, last=index == len(parts) - 1) for index, part in enumerate(parts))


def latex_document(sheets: Iterable[Sheet]) -> str:
    """A document with every table, which pdflatex compiles as it is."""
    parts = [_PREAMBLE]
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
        r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        f"  \\begin{{tabular}}{{{_columns(sheet)}}}",
        *_head(sheet),
        *_body(sheet),
        r"    \bottomrule",
        r"  \end{tabular}}",
        *(_notes(sheet) if last else []),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _label(sheet: Sheet) -> str:
    return "tab:" + (re.sub(r"[^A-Za-z0-9]+", "-", sheet.name).strip("-") or "table")


def _columns(sheet: Sheet) -> str:
    """`@{}lccrr@{}`: no vertical rules, flush with the text on both sides."""
    return "@{}" + "".join(_ALIGN[column.align] for column in sheet.columns) + "@{}"


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
    rows = [[_row_label(label), *map(_field, cells)] for label, *cells in sheet.rows]
    lines = [f"    {' & '.join(row)} \\\\" for row in rows]
    if sheet.set_apart:
        lines.insert(1, r"    \midrule")
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
    spread = f"\\,{{\\scriptsize$\\pm$\\,{latex_text(cell.spread)}}}" if cell.spread else ""
    return _MARKS[cell.mark] % latex_text(cell.text) + spread


def _notes(sheet: Sheet) -> list[str]:
    notes = [latex_text(note) for note in sheet.notes] + ([_LEGEND] if sheet.marked else [])
    if not notes:
        return []
    return [
        r"  \par\smallskip",
        r"  \begin{minipage}{\linewidth}\footnotesize\raggedright",
        *(f"    {note}" for note in notes),
        r"  \end{minipage}",
    ]
