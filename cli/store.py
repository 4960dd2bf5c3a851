"""`butfor store`: upkeep of the run store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import StudyError
from .app import app
from .options import BAD_STORE, DONE, File, Out, found

if TYPE_CHECKING:
    from collections.abc import Collection

commands = typer.Typer(
    help="Look after the run store.", no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)
app.add_typer(commands, name="store")

Results = Path("results")


@commands.command()
def check(out: Out = Results) -> None:
    """Read every page, every row and every file of predictions, and name what is not what was written.

    Example: butfor store check --out results
    """
    from ..core import upkeep
    from ..core.store import Store, store_of

    with Store.open(store_of(out), create=False, check=False) as store:
        report = upkeep.check(store, out)
        typer.echo(f"{store.name}: {report.rows} trials, {len(report.damaged)} problems")
    for problem in report.damaged:
        typer.echo(problem)
    if report.orphans:
        typer.echo(f"{len(report.orphans)} files that no trial speaks of; `butfor store compact` removes them")
    if report.damaged:
        typer.echo("`butfor store salvage` keeps what is whole; the next run trains the rest again", err=True)
        raise typer.Exit(BAD_STORE)


@commands.command()
def compact(out: Out = Results) -> None:
    """Remove files of predictions that no trial speaks of, and give unused room in the store back.

    Example: butfor store compact --out results
    """
    from ..core import upkeep
    from ..core.store import Store, store_of

    with Store.open(store_of(out), create=False) as store:
        removed, saved = upkeep.compact(store, out)
    typer.echo(f"{removed} files removed, {saved:,} bytes saved")


@commands.command()
def salvage(out: Out = Results) -> None:
    """Move a damaged store aside and put every trial of it that is whole in a new one.

    Example: butfor store salvage --out results
    """
    from ..core import upkeep

    kept, lost, aside = upkeep.salvage(out)
    typer.echo(f"{kept} trials kept, {lost} lost; the damaged store is now '{aside}'")


@commands.command()
def forget(
    file: File = None,
    out: Out = Results,
    study: Annotated[
        str | None, typer.Option(help="All trials of this study, instead of old ones of FILE.", metavar="NAME")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove the trials that a study does not ask for any more, or all of one; never what another study shares.

    Example: butfor store forget ablations.yaml --yes
    """
    from ..core import upkeep
    from ..core.store import Store, store_of

    name, keep = (study, ()) if study else _plan_of(file, out)
    with Store.open(store_of(out), create=False) as store:
        if study and study not in store.studies():
            raise StudyError(f"--study {study}: the store has none of its trials; it has {', '.join(store.studies())}")
        asked, alone = upkeep.forgettable(store, name, keep)
        which = "all trials" if study else "trials that it does not ask for any more"
        typer.echo(
            f"study '{name}', {which}: {len(alone)} to remove, {len(asked) - len(alone)} shared and kept", err=True
        )
        if alone and not yes:
            typer.confirm("Remove them for good?", abort=True, err=True)
        removed = upkeep.forget(store, out, name, keep)
    typer.echo(f"{removed} trials removed")
    raise typer.Exit(DONE)


def _plan_of(file: Path | None, out: Path) -> tuple[str, Collection[str]]:
    from ..reports import kept_plan

    plan = kept_plan.read_plan(found(file), out)
    return plan.study, {trial.key for trial in plan.trials}
