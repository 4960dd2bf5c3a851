"""`butfor export`: numbers, predictions, or one archive of a study."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import Finding, StudyError
from .app import app
from .options import File, Out, found

if TYPE_CHECKING:
    import pandas as pd

    from ..core.study.plan import Plan
    from ..reports.exported.forms import Form


class Format(StrEnum):
    """Form of a frame."""

    csv = "csv"
    parquet = "parquet"
    json = "json"


@app.command()
def export(
    file: File = None,
    out: Out = Path("results"),
    format_: Annotated[Format, typer.Option("--format", help="Form of the numbers or predictions.")] = Format.csv,
    predictions: Annotated[bool, typer.Option("--predictions", help="A line for each row of the data.")] = False,
    archive: Annotated[
        Path | None, typer.Option(help="All that the tables need elsewhere, as one zip.", metavar="ZIP")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Write to this file, not to standard output.", metavar="PATH")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Print every number of a study as a tidy frame, or its predictions, or pack all of it into one archive.

    Trains nothing. Only --predictions loads torch, and only to look up what the rows really are.

    Example: butfor export ablations.yaml --format parquet --to numbers.parquet
    """
    from ..reports import rebuild

    path = found(file)
    plan = rebuild.read_plan(path, out)
    if archive is not None:
        if predictions or to is not None:
            raise StudyError("--archive holds the predictions and names its file: leave --predictions and --to out")
        from ..reports.exported.archive import archive as packed

        _write(packed(plan, path, out), archive, force=force)
        return
    form: Form = format_.value
    from ..reports.exported.forms import formed

    if form == "parquet" and to is None:
        raise StudyError("parquet is no text: name a file, --to numbers.parquet")
    content = formed(_samples(plan, path, out) if predictions else rebuild.frame(plan, out), form)
    if to is not None:
        _write(content, to, force=force)
    else:
        sys.stdout.write(content.decode())


def _samples(plan: Plan, path: Path, out: Path) -> pd.DataFrame:
    """Predictions with what the rows really are, where the data can be read."""
    from ..core.errors import ButforError
    from ..core.predictions import PREDICTIONS
    from ..core.store import Store, store_of
    from ..reports.exported.samples import Truth, samples

    with Store.open(store_of(out), create=False) as store:
        standing = store.standing(trial.key for trial in plan.trials)
    kept = {key: str(row["predictions"]) for key, row in standing.items() if row["state"] == "done"}
    if not any(kept.values()):
        raise StudyError(Finding("no predictions are stored of this study", str(path), code="BF805"))
    truths: dict[str, Truth] = {}
    try:
        from .. import runner

        truths.update(runner.truths(path))
    except ButforError as error:
        typer.echo(f"targets are left empty: {error}", err=True)
    return samples(plan, out / PREDICTIONS, kept, truths.get)


def _write(content: bytes, path: Path, *, force: bool) -> None:
    """A new file, whole or not at all; one that is there is replaced only when that was asked for."""
    import secrets

    if path.exists() and not force:
        raise StudyError(Finding("is there already: --force replaces it", str(path), code="BF804"))
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StudyError(Finding(f"cannot be written: {error.strerror or error}", str(path), code="BF804")) from None
    typer.echo(f"written to {path}", err=True)
