"""Tables from what a run left behind: its plan and its store. Needs no torch and no plugin."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ..core.errors import Finding, StoreError, StudyError, nearest
from ..core.evidence_records import kept_evidence
from ..core.store import Store, store_of
from ..core.study.layers import layers, load_text
from ..core.study.locate import read
from ..core.study.names import folder_problem
from ..core.study.plan import Plan, TableSettings
from ..core.study.problems import Problems
from .frame import tidy
from .marked import with_marks
from .proof import marks
from .render import render, write_tables
from .spent import spent_of
from .table import Table, tabulate
from .xlsx import xlsx

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import pandas as pd

    from ..core.evidence import Mark
    from ..core.results import TrainResult

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


def tables(plan: Plan, out: Path, only: Collection[str] = ()) -> list[Table]:
    """The study's tables from the store; those of the designs `only` if any are named. Raises StudyError for others."""
    known = [design.name for design in plan.designs]
    for design in only:
        if design not in known:
            raise StudyError(f"study '{plan.study}' has no table of '{design}'; {nearest(design, known)}")
    results = _results(plan, out)
    found, spent = tidy(results, plan), spent_of(results)
    chosen = [wanted for wanted in plan.tables if not only or wanted.design in only]
    there = {wanted.design for wanted in chosen}
    split = plan.tables[0].split if plan.tables else "test"
    chosen += [TableSettings(design=design, split=split) for design in only if design not in there]
    signs = _marks(plan, out)
    return [with_marks(tabulate(found, plan, wanted, spent), signs) for wanted in chosen]


def _marks(plan: Plan, out: Path) -> dict[str, Mark]:
    """{cell: what evidence in the store says of its ablation}."""
    with Store.open(store_of(out), create=False, check=False) as store:
        return marks(kept_evidence(store, plan.study))


def frame(plan: Plan, out: Path) -> pd.DataFrame:
    """The tidy frame of the study, from the store."""
    return tidy(_results(plan, out), plan)


def _results(plan: Plan, out: Path) -> list[TrainResult]:
    """Results without curves; every row that is read is held against its checksum, and no other."""
    with Store.open(store_of(out), create=False, check=False) as store:
        return store.load([trial.key for trial in plan.trials], curves=False)


def text(made: Sequence[Table], form: str) -> str:
    """All of them in one format, ready to print."""
    return render(made, form).rstrip("\n") + "\n"


def workbook(made: Sequence[Table]) -> bytes:
    """All of them as an XLSX file. Raises StudyError where openpyxl is not installed."""
    return xlsx(made)


def write(made: Sequence[Table], plan: Plan, out: Path) -> Path:
    """Every table in every format under the study's folder; the folder."""
    folder = study_folder(plan.study, out) / "tables"
    write_tables(made, folder)
    return folder
