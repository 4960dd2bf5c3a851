"""What probes found, kept for later processes: a structure is probed once for each version of its code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from .probe import probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..dataset import Dataset
    from .assignment import Assignment

_known: dict[str, str] = {}


def why_not_stacked(program: str, assignment: Assignment, data: Dataset, held: Sequence[str]) -> str:
    """Why the trials of `program` are not trained as a stack; empty where they are.

    `program` is a hash of the structure, the data, and the digests of all code that takes part.
    """
    key = "-".join((program, *sorted(held)))
    if key not in _known:
        kept = _folder() / f"{program}.json"
        found = _read(kept)
        if key not in found:
            found[key] = probe(assignment, data, held)
            _write(kept, found)
        _known[key] = found[key]
    return _known[key]


def _folder() -> Path:
    named = os.environ.get("BUTFOR_CACHE")
    return (Path(named) if named else user_cache_path("butfor")) / "probes"


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
