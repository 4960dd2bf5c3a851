"""Findings as a person reads them, with the line of the file and a mark under it, and as JSON for a program."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.study.codes import CODES
from ..core.study.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core.errors import Finding
    from ..core.study.codes import Code

_WIDEST = 110
"""Characters of a source line that are shown."""
_BEFORE = 60
"""Of them in front of the mark, where a line is cut."""
_MOST_CELLS = 3
_OF_CELLS = "BF4"
"""From this chapter on a finding is about cells; before it about the file."""
_WORD_ENDS = frozenset(" ,:{}[]#")
_LINE_ENDS = re.compile("\\r\\n|[\\n\\r\\x85\\u2028\\u2029]")


def findings_text(findings: Iterable[Finding]) -> str:
    """Each finding with its line, as `FILE:LINE:COLUMN: PATH: MESSAGE`, and below it where in the file that is."""
    return "\n".join(finding_text(finding) for finding in findings)


def finding_text(finding: Finding, told: str = "") -> str:
    """The finding in a line, its code behind it; then the line of the file with a caret, and what else is known."""
    code = f" [{told}{finding.code}]" if finding.code else ""
    lines = [f"{_clean(str(finding))}{code}", *_excerpt(finding)]
    lines += [f"    = {_clean(line)}" for line in finding.explanation.splitlines()]
    if finding.cells and finding.code >= _OF_CELLS:
        lines.append(f"    = {_cells(finding.cells)}")
    return "\n".join(lines)


def severe_text(finding: Finding) -> str:
    """The same, with `warning` or `note` before the code of what is no error."""
    return finding_text(finding, told="" if finding.severity == "error" else f"{finding.severity} ")


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding, with the keys of design section 7."""
    known = CODES.get(finding.code)
    return {
        "code": finding.code,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "path": finding.path,
        "cells": list(finding.cells),
        "message": finding.message,
        "explanation": finding.explanation or (known.explanation if known else ""),
        "remedy": finding.remedy or (known.remedy if known else ""),
    }


def code_text(code: Code) -> str:
    """A code as `butfor check --explain` prints it."""
    example = "\n".join(f"    {line}" for line in code.example.splitlines())
    head = f"{code.code} ({code.severity}): {code.title}"
    return f"{head}\n\n{code.explanation}\n\nExample\n{example}\n\nRemedy\n{code.remedy}"


def summary(findings: Sequence[Finding], cells: int) -> str:
    """`4 cells checked: 1 error, 2 warnings, no notes`; without cells only what was found."""
    counts = ", ".join(_counted(findings, severity) for severity in ("error", "warning", "note"))
    return f"{cells} cell{'s' if cells != 1 else ''} checked: {counts}" if cells else counts


def _counted(findings: Sequence[Finding], severity: str) -> str:
    number = sum(finding.severity == severity for finding in findings)
    return f"{number or 'no'} {severity}{'s' if number != 1 else ''}"


def _cells(cells: Sequence[str]) -> str:
    told = ", ".join(f"'{_clean(cell)}'" for cell in cells[:_MOST_CELLS])
    more = f" and {len(cells) - _MOST_CELLS} more" if len(cells) > _MOST_CELLS else ""
    return f"in {told}{more}"


def _excerpt(finding: Finding) -> list[str]:
    """The line of the file and the mark under it; nothing where the file cannot be read again."""
    lines = _lines(finding.file) if finding.line else []
    if not 0 < finding.line <= len(lines):
        return []
    source, column = lines[finding.line - 1], max(finding.column, 1) - 1
    start = max(0, column - _BEFORE) if len(source) > _WIDEST else 0
    shown, mark = source[start : start + _WIDEST], column - start
    word = _word(source[column:])
    number = str(finding.line)
    under = " " * _width(_clean(shown[:mark])) + "^" * max(1, min(_width(_clean(word)), _WIDEST - mark))
    return [f"  {number} | {_clean(shown)}", f"  {' ' * len(number)} | {under}"]


def _word(text: str) -> str:
    """What the mark underlines: a quoted text whole, else up to the next space or bracket."""
    quote = text[:1]
    if quote in {"'", '"'} and quote in text[1:]:
        return text[: text.index(quote, 1) + 1]
    return text[: next((number for number, letter in enumerate(text) if letter in _WORD_ENDS), len(text))]


def _lines(file: str) -> list[str]:
    """The lines of a file as YAML counts them; none where it cannot be read (any more)."""
    try:
        with Path(file).open("rb") as stream:
            return _LINE_ENDS.split(stream.read(MAX_BYTES).decode(errors="replace"))
    except (OSError, ValueError):
        return []


def _width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(bool(unicodedata.combining(letter)) for letter in text)


def _clean(text: str) -> str:
    """A text in one line without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " if letter == "\t" else "\ufffd" for letter in text)
