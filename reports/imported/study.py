"""Imported runs as a study: the plan that tables are made from, and the results that go into the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.errors import Finding, StudyError
from ...core.results import TrainResult
from ...core.study.cell import content_key
from ...core.study.plan import Plan, PlannedCell, PlannedClaim, PlannedTrial, RunCounts, TableSettings
from ...core.study.problems import Problems
from .mapping import read_mapping
from .reported import looked_for
from .rows import find, rows_of
from .runs import check_columns, metrics_of, read_runs
from .source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ...core.study.plan import PlannedMetric
    from .mapping import RunsMapping
    from .rows import Group, Rows
    from .runs import Run, Taken

_PAIRED_TESTS = ("paired_t", "wilcoxon", "nadeau_bengio")


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
    source = read_source(path, problems)
    check_columns(mapping, source, problems)
    taken = read_runs(mapping, source, problems)
    runs = taken.runs
    metrics = metrics_of(mapping, runs, problems)
    problems.stop_if_any()
    designs = _designs(mapping, runs, problems)
    tables = _tables(mapping, designs, runs, problems)
    claims = _claims(mapping, designs, metrics, runs, problems)
    groups = list({group.key: group for rows in designs for group in rows.groups}.values())
    trials, results = _trials(mapping, groups, path, problems)
    problems.stop_if_any()
    plan = Plan(
        study=mapping.said.study,
        source=str(file),
        baseline=designs[0].design.rows[0].cell,
        cells=_cells(groups, designs[0].groups[0]),
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


def _designs(mapping: RunsMapping, runs: Sequence[Run], problems: Problems) -> list[Rows]:
    """Every design, once for each data set."""
    found = []
    for name in mapping.designs:
        for data_set in dict.fromkeys(run.data_set for run in runs):
            chosen = [run for run in runs if run.data_set == data_set]
            rows = rows_of(mapping, name, chosen, problems, data_set=data_set)
            found += [rows] if rows is not None else []
    return found


def _tables(
    mapping: RunsMapping, designs: Sequence[Rows], runs: Sequence[Run], problems: Problems
) -> tuple[TableSettings, ...]:
    """Those asked for, or one for each design and split; runs that nothing pairs are compared as such."""
    splits = list(dict.fromkeys(split for run in runs for split in run.metrics))
    said = mapping.said.tables or tuple(
        TableSettings(design=name, split=split) for split in splits for name in mapping.designs
    )
    found = []
    for number, table in enumerate(said):
        at = f"tables.{number}"
        if splits and table.split not in splits:
            place = mapping.place("tables", number, "split")
            problems.unknown(place, "part of the data", table.split, splits, f"{at}.split", code="")
        statistics = table.statistics
        if not mapping.paired and statistics.test in _PAIRED_TESTS:
            words = f"`{statistics.test}` needs runs that a seed or fold pairs, and none is recorded"
            place = mapping.place("tables", number, "statistics", "test")
            problems.add(place, words, f"{at}.statistics.test", "take `welch` or `pooled_t`", code="")
        if not mapping.paired and statistics.test == "auto":
            statistics = statistics.model_copy(update={"test": "welch"})
        names = [rows.design.name for rows in designs if rows.asked == table.design]
        found += [table.model_copy(update={"design": name, "statistics": statistics}) for name in names]
    return tuple(found)


def _claims(
    mapping: RunsMapping,
    designs: Sequence[Rows],
    metrics: Sequence[PlannedMetric],
    runs: Sequence[Run],
    problems: Problems,
) -> tuple[PlannedClaim, ...]:
    found, names = [], [metric.name for metric in metrics]
    splits = list(dict.fromkeys(split for run in runs for split in run.metrics))
    for number, claim in enumerate(mapping.said.claims):
        at = f"claims.{number}"
        if claim.metric not in names:
            problems.unknown(mapping.place("claims", number, "metric"), "metric", claim.metric, names, at, code="")
        if claim.split not in splits:
            place = mapping.place("claims", number, "split")
            problems.unknown(place, "part of the data", claim.split, splits, at, code="")
        for rows in (rows for rows in designs if rows.asked == claim.design):
            better = find(mapping, rows, claim.better, ("claims", number, "better"), problems)
            path = ("claims", number, "than")
            than = [find(mapping, rows, one, path, problems) for one in claim.than] or [
                group for group in rows.groups if group is not better
            ]
            if better is not None and None not in than:
                found.append(
                    PlannedClaim(
                        says=claim.says,
                        design=rows.design.name,
                        metric=claim.metric,
                        split=claim.split,
                        better=better.key,
                        than=tuple(group.key for group in than if group is not None),
                    )
                )
    return tuple(found)


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
                first, where = (
                    taken[block].line.number,
                    f"seed {block[0]}" + (f", fold {run.fold}" * bool(mapping.said.fold)),
                )
                words = f"the run in line {first} has these settings and {where} too"
                remedy = "name the column that sets them apart among the settings, or leave `seed` out"
                problems.add(run.line.place(mapping.said.seed), words, "", remedy, code="")
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
