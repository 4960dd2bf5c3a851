"""What is printed and kept: sections of tables, as Markdown for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).parents[1] / "results" / "benchmarks"
"""Ignored by git."""

Cell = str | float | None
THOUSAND = 1000
"""From here on, numbers have no decimals."""


@dataclass
class Section:
    """One table, and what a reader has to know about it."""

    title: str
    rows: list[dict[str, Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def markdown(machine: dict[str, Any], sections: Sequence[Section]) -> str:
    """The machine, then every section."""
    lines = ["# Benchmark", "", *(f"- {name}: {value}" for name, value in machine.items())]
    for section in sections:
        lines += ["", f"## {section.title}", "", *_table(section.rows)]
        lines += ["", *(f"- {note}" for note in section.notes)] if section.notes else []
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[dict[str, Cell]]) -> list[str]:
    if not rows:
        return ["(nothing was measured)"]
    names = list(dict.fromkeys(name for row in rows for name in row))
    body = [[_text(row.get(name)) for name in names] for row in rows]
    return [_line(names), _line(["---"] * len(names)), *map(_line, body)]


def _line(fields: Sequence[str]) -> str:
    return f"| {' | '.join(fields)} |"


def _text(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= THOUSAND else f"{value:.3g}"
    return "" if value is None else str(value)


def _numbers(row: dict[str, Cell]) -> dict[str, Cell]:
    return {name: None if isinstance(value, float) and not isfinite(value) else value for name, value in row.items()}


def keep(name: str, machine: dict[str, Any], sections: Sequence[Section], folder: Path = FOLDER) -> str:
    """Write `NAME.md` and `NAME.json`; the Markdown. What is not a number is null there and blank here."""
    sections = [Section(one.title, [_numbers(row) for row in one.rows], one.notes) for one in sections]
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(machine, sections)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    told = {"machine": machine, "sections": [asdict(section) for section in sections]}
    (folder / f"{name}.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return text
