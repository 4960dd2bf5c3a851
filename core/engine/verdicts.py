"""What probes found, kept for later processes: a structure is probed once for each version of its code."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from .cache import cache_folder
from .devices import CPU
from .probe import probe, probe_union

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..dataset import Dataset
    from ..study.settings import CellSettings
    from .assignment import Assignment

_known: dict[str, str] = {}


def why_not_stacked(program: str, assignment: Assignment, data: Dataset, device: str = CPU) -> str:
    """Why the trials of `program` are not trained as a stack; empty where they are.

    `program` is a hash of the structure, the data, and the digests of all code that takes part.
    """
    return _kept(program, lambda: probe(assignment, data, device))


def why_not_together(
    program: str, assignments: Sequence[Assignment], whole: CellSettings, data: Dataset, device: str = CPU
) -> str:
    """Why `assignments`, one of each structure, do not share the program of their union `whole`; empty where they do.

    `program` is a hash of all their structures, the data, and the digests of all code that takes part.
    """
    return _kept(program, lambda: probe_union(assignments, whole, data, device))


def _kept(program: str, ask: Callable[[], str]) -> str:
    if program not in _known:
        file = cache_folder() / "probes" / f"{program}.json"
        found = _read(file)
        if program not in found:
            found[program] = ask()
            _write(file, found)
        _known[program] = found[program]
    return _known[program]


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(told, str) for told in found.values()) else {}


def _write(file: Path, found: dict[str, str]) -> None:
    """A folder that cannot be written costs the next process a probe, and nothing else."""
    draft = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(found), encoding="utf-8")
        draft.replace(file)
    except OSError:
        return
