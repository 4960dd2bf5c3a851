"""The command line. Standard output carries data; standard error carries progress and problems.

Heavy packages load inside the command that needs them, so that `butfor --help` answers at once.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .core.errors import ButforError, Finding, StoreError, StudyError

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(
    name="butfor",
    help="But for this part, would the result still stand? One YAML file in, paper tables out.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

SHIPPED = Path(__file__).parent / "ablations.yaml"

DONE, SOME_FAILED, WRONG_INPUT, BAD_STORE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 130, 143

File = Annotated[
    Path | None,
    typer.Argument(
        help="The study. Default: ablations.yaml here, else the one that ships with butfor.", metavar="FILE"
    ),
]
Out = Annotated[Path, typer.Option(help="Folder of the run store, and of one folder for each study.", metavar="DIR")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Train this many seeds, whatever the study says.", metavar="N")]
Only = Annotated[list[str] | None, typer.Option(help="Only this design; may be given again.", metavar="DESIGN")]
MaxTrials = Annotated[int, typer.Option(min=1, help="Refuse a larger study before it is expanded.", metavar="N")]


class Format(StrEnum):
    """How `table` prints."""

    markdown = "markdown"
    latex = "latex"
    html = "html"
    csv = "csv"
    json = "json"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"butfor {version('butfor')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options of every command."""


@app.command()
def run(
    file: File = None,
    out: Out = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    jobs: Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one for each core.", metavar="N")] = 0,
    executor: Annotated[str, typer.Option(help="How trials run: an executor plugin.", metavar="NAME")] = "local",
    max_trials: MaxTrials = 10_000,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Train again what is not done.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only tables.")] = False,
) -> None:
    """Train every cell that is not in the store yet, and print the tables.

    Example: butfor run ablations.yaml --only components --seeds 5
    """
    from . import runner
    from .reports import rebuild
    from .reports.progress import Progress

    study, catalogue = runner.read_study(_found(file), num_seeds=seeds, max_trials=max_trials)
    chosen = runner.executor_named(executor, jobs, catalogue)
    prepared = runner.prepare(study, catalogue, max_trials)
    _warn((*study.warnings, *prepared.warnings))
    asked = runner.asked(prepared, only or ())
    pending = runner.pending(asked, out, retry_failed=retry_failed)
    with Progress(prepared.plan, len(pending), len(asked) - len(pending), quiet=quiet) as progress:
        states = runner.run(
            prepared, pending, out, executor=chosen, replace_failed=retry_failed, finished=progress.finished
        )
    tables = rebuild.tables(prepared.plan, out, only or ())
    typer.echo(rebuild.text(tables, "markdown"), nl=False)
    typer.echo(f"written to {rebuild.write(tables, prepared.plan, out)}", err=True)
    raise typer.Exit(DONE if all(states.get(key) == "done" for key in asked) else SOME_FAILED)


@app.command()
def table(
    design: Annotated[str | None, typer.Argument(help="A design; all of them if none is named.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="The study.", metavar="FILE")] = None,
    out: Out = Path("results"),
    format_: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.markdown,
) -> None:
    """Print the tables again from stored results; trains nothing and needs no torch.

    Example: butfor table components --file ablations.yaml --format latex
    """
    from .reports import rebuild

    plan = rebuild.read_plan(_found(file), out)
    typer.echo(rebuild.text(rebuild.tables(plan, out, [design] if design else ()), format_.value), nl=False)


@app.command()
def plan(
    file: File = None,
    out: Out = Path("results"),
    only: Only = None,
    seeds: Seeds = None,
    max_trials: MaxTrials = 10_000,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what `run` would train, and train nothing.

    Example: butfor plan ablations.yaml --json
    """
    from . import runner
    from .reports import listing

    study, catalogue = runner.read_study(_found(file), num_seeds=seeds, max_trials=max_trials)
    prepared = runner.prepare(study, catalogue, max_trials)
    _warn((*study.warnings, *prepared.warnings))
    if json_:
        typer.echo(
            json.dumps(
                listing.plan_json(prepared.plan, only or (), len(runner.asked(prepared, only or ()))),
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    keys = runner.asked(prepared, only or ())
    typer.echo(listing.plan_text(prepared.plan, only or (), len(keys), len(runner.pending(keys, out))))


@app.command()
def plugins(
    kind: Annotated[str | None, typer.Argument(help="dataset, encoder, fusion, loss or executor.")] = None,
    name: Annotated[str | None, typer.Argument(help="One plugin, with its settings.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what is installed, from where; for one plugin, its settings with their defaults.

    Example: butfor plugins fusion gated_uncertainty
    """
    from . import registry
    from .reports import listing

    catalogue = registry.assemble()
    entries = listing.select(catalogue, kind, name)
    for point, reason in catalogue.failures.items():
        typer.echo(f"warning: plugin {point} could not be imported: {reason}", err=True)
    if json_:
        typer.echo(json.dumps([listing.plugin_json(kind, entry) for kind, entry in entries], indent=2))
        return
    typer.echo(listing.plugin_text(*entries[0]) if name else listing.plugins_text(entries))


def _warn(warnings: Iterable[object]) -> None:
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def _found(file: Path | None) -> Path:
    """The study to use. Raises StudyError where there is none."""
    if file is None:
        here = Path("ablations.yaml")
        file = here if here.is_file() else SHIPPED
    if not file.is_file():
        raise StudyError(Finding("there is no such file", file=str(file)))
    return file


def _terminate(number: int, _: object) -> NoReturn:
    """Leave as Ctrl-C does: what is finished is kept, and the workers end."""
    sys.exit(128 + number)


def _leave(code: int) -> NoReturn:
    """Leave now, without waiting for threads that still wait for workers; what is finished is on the disk."""
    for child in multiprocessing.active_children():
        child.terminate()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command line: every error a user can make ends in a message and an exit code, never a traceback."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    except SystemExit as leaving:
        if leaving.code in (INTERRUPTED, TERMINATED):
            _leave(leaving.code)
        raise
    except StoreError as error:
        typer.echo(f"butfor: {error}", err=True)
        sys.exit(BAD_STORE)
    except ButforError as error:
        typer.echo(str(error), err=True)
        sys.exit(WRONG_INPUT)
