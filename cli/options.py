"""What several commands share: their options, their exit codes, and which study is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import Finding, StudyError, nearest
from ..reports.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterable

SHIPPED = Path(__file__).parents[1] / "ablations.yaml"

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
NoStack = Annotated[bool, typer.Option("--no-stack", help="Train one trial at a time; other trials to the store.")]
Compile = Annotated[
    bool, typer.Option("--compile", help="Compile every stack: minutes first, then faster; other trials to the store.")
]


Arithmetic = Annotated[
    str,
    typer.Option(help="Matrix products: as torch comes, or avx512 where MKL holds it back.", metavar="NAME"),
]


Device = Annotated[
    str, typer.Option(help="Where trials are computed: cpu, or cuda; other trials to the store.", metavar="NAME")
]


def means_of(*, no_stack: bool, compiling: bool, arithmetic: str, device: str) -> dict[str, str]:
    """How trials are to be computed, as `runner.prepare` wants to know it.

    Raises StudyError for what there is not, cannot be had here, or does not go together.
    """
    means = {
        "engine": engine_of(no_stack=no_stack, compiling=compiling),
        "arithmetic": arithmetic_of(arithmetic),
        "device": device,
    }
    if device != "cpu" and compiling:
        raise StudyError(f"--compile --device {device}: a stack is not compiled there; leave one of the two out")
    if device != "cpu" and arithmetic != "stock":
        raise StudyError(f"--arithmetic {arithmetic} --device {device}: it is a processor's; leave one of the two out")
    return means


def arithmetic_of(name: str) -> str:
    """The arithmetic of that name. Raises StudyError where there is none, or it cannot be had here."""
    from ..core.engine.arithmetic import ARITHMETICS, why_not_here

    if name not in ARITHMETICS:
        raise StudyError(f"--arithmetic {name}: there is no such arithmetic; {nearest(name, ARITHMETICS)}")
    if reason := why_not_here(name):
        raise StudyError(f"--arithmetic {name}: {reason}; leave it out")
    return name


def engine_of(*, no_stack: bool, compiling: bool) -> str:
    """The engine that is asked for. Raises StudyError where two are, or where it cannot be had here."""
    if not compiling:
        return "one" if no_stack else "stack"
    from ..core.engine.compiler import why_not_here

    reason = "a stack is compiled or there is none" if no_stack else why_not_here()
    if reason:
        raise StudyError(f"--compile: {reason}; leave {'one of the two' if no_stack else 'it'} out")
    return "compiled"


def warn(warnings: Iterable[object]) -> None:
    """Print each on standard error."""
    for warning in warnings:
        typer.echo(lines(f"warning: {warning}"), err=True)


def found(file: Path | None) -> Path:
    """The study to use. Raises StudyError where there is none."""
    if file is None:
        here = Path("ablations.yaml")
        file = here if here.is_file() else SHIPPED
    if not file.is_file():
        raise StudyError(Finding("there is no such file", file=str(file), code="BF106"))
    return file
