"""The plan of a study as a run leaves it beside its results: all that tables need to know besides those."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ..core.errors import Finding, StoreError, StudyError
from ..core.study.layers import layers, load_text
from ..core.study.locate import read
from ..core.study.names import folder_problem
from ..core.study.plan import Plan
from ..core.study.problems import Problems

if TYPE_CHECKING:
    from pathlib import Path

PLAN = "plan.json"


def study_folder(study: str, out: Path) -> Path:
    """Where one study's plan and tables are. Raises StudyError for a name that could lead elsewhere, or a link."""
    wrong = folder_problem(study)
    if wrong:
        raise StudyError(f"the name of the study, {study!r}, {wrong}")
    if (out / study).is_symlink():
        raise StoreError(f"'{out / study}' is a symbolic link; results are written only under '{out}'")
    return out / study


def write_plan(plan: Plan, out: Path) -> None:
    """Keep the plan beside the results, replaced as a whole."""
    folder = study_folder(plan.study, out)
    fresh = folder / f".{PLAN}.{secrets.token_hex(4)}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with fresh.open("x", encoding="utf-8") as stream:
            stream.write(plan.model_dump_json(indent=1))
        fresh.replace(folder / PLAN)
    except OSError as error:
        raise StoreError(f"cannot write '{folder / PLAN}': {error.strerror or error}") from None


def read_plan(file: Path, out: Path) -> Plan:
    """The plan of the last run of the study in `file`. Raises StudyError where there was none."""
    try:
        root = read(load_text(file), str(file))
    except OSError as error:
        raise StudyError(Finding(f"cannot be read: {error.strerror or error}", file=str(file), code="BF106")) from None
    said = [layer.within("study") for layer in layers(root, {}, Problems())]
    study = next((node.value for node in reversed(said) if node is not None), None)
    if not isinstance(study, str):
        raise StudyError(Finding("`study` is missing", file=str(file), line=1, column=1, code="BF110"))
    path = study_folder(study, out) / PLAN
    if not path.is_file():
        raise StudyError(f"{path}: there are no results of study '{study}' in {out}; `butfor run {file}` makes them")
    try:
        return Plan.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise StoreError(
            f"{path} is damaged ({error.error_count()} problems); run the study again to write it"
        ) from None
