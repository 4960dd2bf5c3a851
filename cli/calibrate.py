"""`butfor calibrate`: how often the study's own test calls a difference where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import app
from .options import File, Out, found, warn

if TYPE_CHECKING:
    from ..core.engine.prepare import Prepared

FOLDER = "calibration"


@app.command()
def calibrate(
    file: File = None,
    out: Out = Path("results"),
    design: Annotated[str | None, typer.Option(help="Test as this design's table does.", metavar="DESIGN")] = None,
    train: Annotated[
        int, typer.Option(min=0, help="Train the baseline with N seeds for this, apart from the study.", metavar="N")
    ] = 0,
    arm: Annotated[int, typer.Option(min=0, help="Seeds of each arm; 0 is as the table looks, or 5.", metavar="N")] = 0,
    studies: Annotated[int, typer.Option(min=100, max=200_000, help="A/A studies to draw.", metavar="N")] = 20_000,
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one for each core.", metavar="N")] = 0,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Run A/A studies: the baseline against itself with other seeds, and how often that is called a difference.

    Seeds come from what the study has stored, or from a training of the baseline alone.

    Example: butfor calibrate ablations.yaml --train 40
    """
    from ..core.errors import StudyError, nearest
    from ..core.store import Store, store_of
    from ..core.study.plan import TableSettings
    from ..reports import rebuild
    from ..reports.calibration import arm_looks, calibration_rows, calibration_text, calibrations
    from ..reports.frame import tidy

    prepared = _prepared(found(file), train) if train else None
    plan = prepared.plan if prepared else rebuild.read_plan(found(file), out)
    known = [table.design for table in plan.tables]
    if design is not None and design not in known:
        raise StudyError(f"--design {design}: the study has no such table; {nearest(design, known)}")
    table = next((table for table in plan.tables if design in {None, table.design}), TableSettings(design=""))
    if prepared and train < 2 * arm_looks(table, arm)[-1]:
        raise StudyError(f"--train {train}: two arms need at least {2 * arm_looks(table, arm)[-1]} seeds")
    where = _train(prepared, out, jobs) if prepared else out
    with Store.open(store_of(where), create=False) as store:
        results = store.load([trial.key for trial in plan.trials if trial.cell == plan.baseline])
    rates = calibrations(tidy(results, plan), plan, table, seeds=arm, studies=studies)
    typer.echo(json.dumps(calibration_rows(rates), indent=2) if json_ else calibration_text(rates))


def _prepared(file: Path, seeds: int) -> Prepared:
    """The study with that many seeds."""
    from .. import runner

    study, catalogue = runner.read_study(file, num_seeds=seeds)
    prepared = runner.prepare(study, catalogue)
    warn((*study.warnings, *prepared.warnings))
    return prepared


def _train(prepared: Prepared, out: Path, jobs: int) -> Path:
    """Train the baseline in a folder of its own, so that the study's plan and tables stay; the folder."""
    from .. import runner
    from ..reports import rebuild
    from ..reports.progress import Progress

    where = rebuild.study_folder(prepared.plan.study, out) / FOLDER
    keys = [trial.key for trial in prepared.trials if trial.cell.key == prepared.plan.baseline]
    left = runner.pending(keys, where)
    executor = runner.executor_named("local", runner.catalogue_with(prepared.plugins), jobs=jobs)
    with Progress(prepared.plan, len(left), len(keys) - len(left), quiet=False) as progress:
        runner.run(prepared, left, where, executor=executor, finished=progress.finished)
    return where
