"""Collect what is wrong with a study, all of it, once each, in the order of the file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..errors import Finding, StudyError, nearest
from .tree import at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .tree import Node, Place

MOST = 100
_MOST_CELLS = 20


@dataclass(slots=True)
class Problems:
    """Findings so far. The same one from many cells is kept once, with the labels of those cells."""

    known: dict[tuple[object, ...], Finding] = field(default_factory=dict)
    cell: str = ""
    """Label of the cell that is being looked at; empty for the file as a whole."""
    num_errors: int = 0
    """Errors that were written down, the same ones counted each time."""

    def add(
        self, place: Place, message: str, path: str = "", remedy: str = "", *, code: str, explanation: str = ""
    ) -> None:
        """Write down one problem; how grave it is follows from its code."""
        self.take([at(place, message, path, remedy, code=code, explanation=explanation)])

    def unknown(self, place: Place, what: str, word: str, known: Sequence[str], path: str = "", *, code: str) -> None:
        """Write down a word that is not known, and the nearest that is."""
        self.add(place, f"unknown {what} '{word}'", path, nearest(word, known), code=code)

    def take(self, findings: Iterable[Finding]) -> None:
        """Write down findings from elsewhere."""
        for finding in findings:
            self.num_errors += finding.severity == "error"
            path = "" if finding.line else finding.path
            key = (finding.file, finding.line, finding.column, path, finding.message)
            cells = self.known[key].cells if key in self.known else finding.cells
            if self.cell and self.cell not in cells and len(cells) < _MOST_CELLS:
                cells = (*cells, self.cell)
            self.known[key] = replace(self.known.get(key, finding), cells=cells)

    def check_keys(self, node: Node, known: Sequence[str], path: str = "") -> None:
        """Write down every key that is not known."""
        for key, child in node.children.items():
            if key not in known:
                near = nearest(key, known, most=20) if len(self.known) < MOST else ""
                self.add(child.head, "unknown key", f"{path}.{key}" if path else key, near, code="BF111")

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What makes the study invalid, in the order of the file."""
        return self._sorted("error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is odd and allowed, in the order of the file."""
        return self._sorted("warning")

    def _sorted(self, severity: str) -> tuple[Finding, ...]:
        chosen = [finding for finding in self.known.values() if finding.severity == severity]
        return tuple(sorted(chosen, key=lambda finding: (finding.file, finding.line, finding.column)))

    def stop_if_any(self) -> None:
        """Raise StudyError with the errors, if there are any; at most `MOST` are shown, and the rest counted."""
        errors = self.errors
        if len(errors) > MOST:
            first, more = errors[MOST], len(errors) - MOST
            errors = (
                *errors[:MOST],
                Finding(f"and {more} more problems from here", first.file, first.line, first.column),
            )
        if errors:
            raise StudyError(errors)
