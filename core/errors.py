"""What can go wrong, in words a person can act on: findings with positions, and the four errors a user may meet."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, at one place of the study file. `line` and `column` count from 1; 0 says that there is no place.

    `code` stands for what is wrong in `butfor check --explain CODE`; `explanation` is what the code cannot say, such as
    which plugins are installed here.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    code: str = ""
    severity: Severity = "error"
    remedy: str = ""
    cells: tuple[str, ...] = ()
    explanation: str = ""

    def __str__(self) -> str:
        """`ablations.yaml:14:9: fusion.gate_alhpa: unknown setting; did you mean 'gate_alpha'?`."""
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        path = f"{self.path}: " if self.path else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{place}{path}{self.message}{remedy}"


class ButforError(Exception):
    """Every error that butfor raises on purpose."""


class StudyError(ButforError):
    """The study is wrong: carries every finding at once."""

    def __init__(self, findings: Iterable[Finding] | Finding | str) -> None:
        if isinstance(findings, str):
            findings = Finding(findings)
        self.findings: tuple[Finding, ...] = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class PluginError(ButforError):
    """A plugin is missing, broken, or offered twice."""


class DataError(ButforError):
    """A data set cannot be read as the study describes it. `setting` names the field of the spec that is to blame."""

    def __init__(self, message: str, setting: str = "") -> None:
        super().__init__(message)
        self.setting = setting


class TrainingError(ButforError):
    """A trial could not be trained."""


FailureKind = Literal["error", "out of memory", "timeout", "crashed"]
"""Classes of failure: it raised (or asked to exit); no memory; over its time limit; its process died."""


class TrialFailure(TrainingError):  # noqa: N818 - a fact about a trial, and a name in the contract
    """Why a trial failed, as an executor tells it. `str()` is the message; survives pickling."""

    def __init__(self, kind: FailureKind, message: str, log: str = "", plugin: str = "", traceback: str = "") -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.message = message
        self.log = log
        """Path of the log of what it printed; empty where there is none."""
        self.plugin = plugin
        """The plugin that the traceback shows, `fusion 'gated' of butfor`; empty where it shows none."""
        self.traceback = traceback
        """The traceback as text; empty where the process died without one."""

    def __reduce__(self) -> tuple[type[TrialFailure], tuple[str, ...]]:
        return type(self), (self.kind, self.message, self.log, self.plugin, self.traceback)


class StoreError(ButforError):
    """The run store is damaged, locked, or of another version."""


_MOST_OF_A_WORD = 3


def nearest(word: str, known: Sequence[str], *, most: int = 12) -> str:
    """`did you mean 'x'?`, or the known words when nothing is near; empty when nothing is known."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    close = close or [name for name in known if len(word) >= _MOST_OF_A_WORD and name.startswith(word)]
    if close:
        return f"did you mean '{close[0]}'?"
    if not known:
        return ""
    listed = ", ".join(f"'{name}'" for name in list(known)[:most])
    more = ", ..." if len(known) > most else ""
    return f"known: {listed}{more}"
