"""Tables from what a run left behind: its plan and its store. Needs no torch and no plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import StudyError, nearest
from ..core.evidence_records import kept_evidence
from ..core.store import Store, store_of
from ..core.study.plan import TableSettings
from .kept_plan import PLAN, read_plan, study_folder, write_plan
from .marked import with_marks
from .proof import marks
from .recorded import planned
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
    from ..core.study.plan import Plan

__all__ = ["PLAN", "frame", "read_plan", "study_folder", "tables", "text", "workbook", "write", "write_plan"]


def tables(plan: Plan, out: Path, only: Collection[str] = ()) -> list[Table]:
    """The study's tables from the store; those of the designs `only` if any are named. Raises StudyError for others."""
    known = [design.name for design in plan.designs]
    for design in only:
        if design not in known:
            raise StudyError(f"study '{plan.study}' has no table of '{design}'; {nearest(design, known)}")
    results = _results(plan, out)
    found, spent = planned(results, plan), spent_of(results)
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
    from .frame import tidy  # noqa: PLC0415 - pandas takes long to import, and tables need none

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
