"""What a mapping asks of its runs: tables, conclusions and published numbers, each held against what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.errors import StudyError
from ...core.study.layouts import misfit
from ...core.study.plan import PlannedClaim, TableSettings
from ...core.study.published import Known, check_published
from ...core.study.read_tables import check_table
from ..robustness import curves_of
from .rows import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...core.study.plan import PlannedMetric
    from ...core.study.problems import Problems
    from .mapping import ClaimSettings, RunsMapping
    from .rows import Group, Rows
    from .runs import Run

_PAIRED_TESTS = ("paired_t", "wilcoxon", "nadeau_bengio")


class Held(NamedTuple):
    """What there is, that what is asked for is held against."""

    mapping: RunsMapping
    designs: Sequence[Rows]
    metrics: Sequence[PlannedMetric]
    splits: Sequence[str]
    """Parts of the data."""
    differs: Mapping[str, Mapping[str, Any]]
    """{key of the cell: {setting: value} against the baseline}."""

    def check_split(self, split: str, path: tuple[str | int, ...], problems: Problems) -> None:
        """Write down a part of the data that no run has."""
        if self.splits and split not in self.splits:
            at = ".".join(map(str, path))
            problems.unknown(self.mapping.place(*path), "part of the data", split, self.splits, at, code="")

    def check_metric(self, metric: str, path: tuple[str | int, ...], problems: Problems) -> None:
        """Write down a metric that no run has."""
        names = [one.name for one in self.metrics]
        if metric not in names:
            at = ".".join(map(str, path))
            problems.unknown(self.mapping.place(*path), "metric", metric, names, at, code="")


def parts_of(runs: Iterable[Run]) -> list[str]:
    """The parts of the data that runs have metrics on."""
    return list(dict.fromkeys(split for run in runs for split in run.metrics))


def tables_of(held: Held, problems: Problems) -> tuple[TableSettings, ...]:
    """Those asked for, or one for each design and split; runs that nothing pairs are compared as such."""
    mapping = held.mapping
    said = mapping.said.tables or tuple(
        TableSettings(design=name, split=split) for split in held.splits for name in mapping.designs
    )
    found = []
    for number, table in enumerate(said):
        path = ("tables", number)
        held.check_split(table.split, (*path, "split"), problems)
        for place, metric in enumerate(table.metrics):
            held.check_metric(metric, (*path, "metrics", place), problems)
        statistics = table.statistics
        if not mapping.paired and statistics.test in _PAIRED_TESTS:
            words = f"`{statistics.test}` needs runs that a seed or fold pairs, and none is recorded"
            where = mapping.place(*path, "statistics", "test")
            problems.add(where, words, f"tables.{number}.statistics.test", "take `welch` or `pooled_t`", code="")
        if not mapping.paired and statistics.test == "auto":
            statistics = statistics.model_copy(update={"test": "welch"})
        asked = [rows for rows in held.designs if rows.asked == table.design]
        made = [table.model_copy(update={"design": rows.design.name, "statistics": statistics}) for rows in asked]
        for rows, one in zip(asked, made, strict=True):
            _check_layout(held, number, rows, one, problems)
        found += made
    return tuple(found)


def _check_layout(held: Held, number: int, rows: Rows, table: TableSettings, problems: Problems) -> None:
    """Write down a layout that the rows cannot have, and published numbers that no column can."""
    tree, design = held.mapping.tree, rows.design
    node = tree.within("tables")
    if node is None or not held.mapping.said.tables:
        return
    wrong = misfit(table, design, held.differs, evaluated=True)
    check_table(node.items[number], f"tables.{number}", table, wrong, problems)
    known = Known({one.name: one for one in held.metrics}, [design])
    check_published(table, number, tree, known, problems)
    if table.layout == "robustness":
        try:
            curves_of(held.splits, table.split)
        except StudyError:
            words = (
                f"layout 'robustness' needs runs tested with missing or noisy modalities; of '{table.split}' are none"
            )
            remedy = f"name their columns, such as `columns: {{{table.split}@missing:0.3: COLUMN}}`"
            place = held.mapping.place("tables", number, "layout")
            problems.add(place, words, f"tables.{number}.layout", remedy, code="BF320")


def claims_of(held: Held, problems: Problems) -> tuple[PlannedClaim, ...]:
    """The conclusions, once for each data set of their design."""
    found = []
    for number, claim in enumerate(held.mapping.said.claims):
        held.check_metric(claim.metric, ("claims", number, "metric"), problems)
        held.check_split(claim.split, ("claims", number, "split"), problems)
        for rows in (rows for rows in held.designs if rows.asked == claim.design):
            better, than = _sides(held.mapping, number, rows, claim, problems)
            if better is not None and than:
                found.append(
                    PlannedClaim(
                        says=claim.says,
                        design=rows.design.name,
                        metric=claim.metric,
                        split=claim.split,
                        better=better.key,
                        than=tuple(dict.fromkeys(group.key for group in than)),
                    )
                )
    return tuple(found)


def _sides(
    mapping: RunsMapping, number: int, rows: Rows, claim: ClaimSettings, problems: Problems
) -> tuple[Group | None, list[Group]]:
    """The row that is said to be better, and those it is said to be better than."""
    path = ("claims", number)
    better = find(mapping, rows, claim.better, (*path, "better"), problems)
    asked = [find(mapping, rows, one, (*path, "than"), problems) for one in claim.than]
    if better is None or None in asked:
        return None, []
    if better in asked:
        words = f"'{better.label}' is said to be better than itself"
        problems.add(mapping.place(*path, "than"), words, f"claims.{number}.than", "name another row", code="")
        return None, []
    than = [group for group in asked or rows.groups if group is not None and group is not better]
    if not than:
        words = f"'{rows.design.name}' has no other row"
        problems.add(mapping.place(*path, "better"), words, f"claims.{number}.better", code="")
    return better, than


def check_reported(held: Held, problems: Problems) -> None:
    """Write down published numbers of parts and metrics that the runs have not, and rows without any."""
    for number, reported in enumerate(held.mapping.said.reported):
        path = ("reported", number, "numbers")
        for split, numbers in reported.numbers.items():
            held.check_split(split, (*path, split), problems)
            for metric in numbers:
                held.check_metric(metric, (*path, split, metric), problems)
        if not any(reported.numbers.values()):
            words, remedy = "no number is there", f"write some, such as `{{test: {{{_first(held)}: 0.812}}}}`"
            problems.add(held.mapping.place(*path), words, f"reported.{number}.numbers", remedy, code="")


def _first(held: Held) -> str:
    return held.metrics[0].name if held.metrics else "metric"
