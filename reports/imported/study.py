"""Imported runs as a study: the plan that tables are made from, and the results that go into the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.errors import Finding, StudyError
from ...core.results import TrainResult
from ...core.study.cell import content_key
from ...core.study.plan import Plan, PlannedCell, PlannedTrial, RunCounts
from ...core.study.problems import Problems
from .asked import Held, check_reported, claims_of, parts_of, tables_of
from .mapping import read_mapping
from .metrics import check_percent, metrics_of
from .reported import looked_for
from .rows import rows_of
from .runs import check_columns, read_runs
from .source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ...core.study.plan import TableSettings
    from .mapping import RunsMapping
    from .rows import Group, Rows
    from .runs import Run, Taken


@dataclass(frozen=True, slots=True)
class Imported:
    """What a mapping makes of a file of runs."""

    plan: Plan
    file: Path
    """The runs."""
    results: tuple[TrainResult, ...]


def read_imported(file: Path, runs_file: Path | None = None) -> Imported:
    """The study that the mapping in `file` makes of its runs. Raises StudyError with every problem of both files."""
    problems = Problems()
    mapping, path = _mapping(file, runs_file, problems)
    source = read_source(path, problems)
    check_columns(mapping, source, problems)
    taken = read_runs(mapping, source, problems)
    runs = taken.runs
    metrics = metrics_of(mapping, runs, problems)
    check_percent(mapping, runs, problems)
    problems.stop_if_any()
    designs = _designs(mapping, runs, problems)
    groups = list({group.key: group for rows in designs for group in rows.groups}.values())
    cells = _cells(groups, designs[0].groups[0]) if designs else ()
    held = Held(mapping, designs, metrics, parts_of(runs), {cell.key: cell.differs for cell in cells})
    tables = tables_of(held, problems)
    claims = claims_of(held, problems)
    check_reported(held, problems)
    trials, results = _trials(mapping, groups, path, problems)
    problems.stop_if_any()
    plan = Plan(
        study=mapping.said.study,
        source=str(file),
        baseline=designs[0].design.rows[0].cell,
        cells=cells,
        designs=tuple(rows.design for rows in designs),
        tables=tables,
        trials=trials,
        metrics=metrics,
        imported=path.name,
        run_counts=_counts(taken, designs, tables),
        paired=mapping.paired,
        claims=claims,
        remarks=tuple(looked_for(one, runs) for one in mapping.said.reported),
    )
    return Imported(plan, path, results)


def _mapping(file: Path, runs_file: Path | None, problems: Problems) -> tuple[RunsMapping, Path]:
    """The mapping, and where its runs are."""
    try:
        mapping = read_mapping(file, problems)
    except OSError as error:
        raise StudyError(Finding(f"cannot be read: {error.strerror or error}", str(file), code="BF106")) from None
    if mapping is None:
        problems.stop_if_any()
        raise StudyError(Finding("is no mapping of runs", str(file), code="BF802"))
    path = runs_file or (file.parent / mapping.said.runs if mapping.said.runs else None)
    if path is None:
        problems.add(mapping.tree.head, "`runs` is missing: the file of runs", code="BF110")
        problems.stop_if_any()
        raise AssertionError
    return mapping, path


def _designs(mapping: RunsMapping, runs: Sequence[Run], problems: Problems) -> list[Rows]:
    """Every design, once for each data set."""
    found = []
    for name in mapping.designs:
        for data_set in dict.fromkeys(run.data_set for run in runs):
            chosen = [run for run in runs if run.data_set == data_set]
            rows = rows_of(mapping, name, chosen, problems, data_set=data_set)
            found += [rows] if rows is not None else []
    return found


def _counts(taken: Taken, designs: Iterable[Rows], tables: Iterable[TableSettings]) -> RunCounts:
    """How many runs there are, and how many of them stand in the rows of a table."""
    named = {table.design for table in tables}
    shown = {id(run) for rows in designs if rows.design.name in named for group in rows.groups for run in group.runs}
    return RunCounts(file=taken.file, taken=len(taken.runs), shown=len(shown))


def _cells(groups: Iterable[Group], base: Group) -> tuple[PlannedCell, ...]:
    return tuple(
        PlannedCell(
            key=group.key,
            label=group.label,
            settings=group.settings,
            differs={
                name: value
                for name, value in group.settings.items()
                if group is not base
                and (base.settings.get(name) != value or type(base.settings.get(name)) is not type(value))
            },
        )
        for group in groups
    )


def _trials(
    mapping: RunsMapping, groups: Sequence[Group], path: Path, problems: Problems
) -> tuple[tuple[PlannedTrial, ...], tuple[TrainResult, ...]]:
    """Each run as a trial of its cell; where no seed was recorded the replicates are numbered."""
    results = []
    for group in groups:
        taken: dict[tuple[int, str], Run] = {}
        for run in group.runs:
            here = [fold for _, fold in taken if fold == run.fold]
            block = (len(here) if run.seed is None else run.seed, run.fold)
            if block in taken:
                where = f"seed {block[0]}" + (f", fold {run.fold}" * bool(mapping.said.fold))
                words = f"{taken[block].line.name} has these settings and {where} too"
                remedy = "name the column that sets them apart among the settings, or leave `seed` out"
                run.line.wrong(problems, words, mapping.said.seed, remedy)
            taken[block] = run
            results.append(_result(group, run, block, path))
    trials = tuple(PlannedTrial(key=one.key, cell=one.cell, seed=one.seed, fold=one.fold) for one in results)
    return trials, tuple(results)


def _result(group: Group, run: Run, block: tuple[int, str], path: Path) -> TrainResult:
    content = {"cell": group.key, "seed": block[0], "fold": block[1], "state": run.state, "metrics": run.metrics}
    said = "no metric is recorded of it" if run.state == "failed" and not run.metrics else ""
    return TrainResult(
        key=content_key(content),
        cell=group.key,
        seed=block[0],
        fold=block[1],
        state=run.state,
        message=said or ("" if run.state == "done" else "so the file says"),
        metrics=run.metrics,
        provenance={"imported": path.name, "line": run.line.number, "settings": run.settings},
        kind="error" if run.state == "failed" else "",
    )
