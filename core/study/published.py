"""Published numbers of a table: of a metric, a level and a column that the table has, by its convention and unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import nearest
from .locate import locate
from .plan import DEFAULT_METRICS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .plan import PlannedDesign, PlannedMetric, PublishedRow, TableSettings
    from .problems import Problems
    from .tree import Node


def check_published(
    table: TableSettings,
    number: int,
    root: Node,
    metrics: Mapping[str, PlannedMetric],
    problems: Problems,
    *,
    designs: Sequence[PlannedDesign] = (),
    tests: Collection[str] = ("test",),
) -> None:
    """Write down every published number that has no column to stand in; `number` is that of the table in the file.

    `metrics` are in the order of the plan; of the `tests` that the data have, a table of `test` may become several.
    """
    levels = {str(level) for one in designs if one.name == table.design for row in one.rows for level in _of(row)}
    several = table.split == "test" and "test" not in tests and len(tests) > 1
    for index, row in enumerate(table.reference):
        parts: list[str | int] = ["tables", number, "reference", index]
        for key, told, remedy in _misplaced(row, table, levels, tests if several else ()):
            place = locate(root, [*parts, key] if key else parts)[0].place
            path = ".".join(map(str, [*parts, key] if key else parts))
            problems.add(place, told, path, remedy, code="BF320")
        for name, value in row.values.items():
            inside = [*parts, "values", name]
            place, path = locate(root, inside)[0].place, ".".join(map(str, inside))
            metric = metrics.get(name)
            if metric is None:
                told = f"no column has the metric '{name}' of the published '{row.label}'"
                problems.add(place, told, path, _remedy(name, metrics), code="BF314")
            elif metric.rate and not 0 <= value <= 1:
                told = f"'{name}' is a rate from 0 to 1, and {value:g} is none"
                problems.add(place, told, path, f"write {value / 100:g}" if 1 < value <= _WHOLE else "", code="BF320")
            elif name not in (table.metrics or list(metrics)[:DEFAULT_METRICS]):
                told = f"the table has no column '{name}' for the published '{row.label}'"
                problems.add(place, told, path, "name the metric in `metrics` too", code="BF320")


_WHOLE = 100
"""What a rate in percent is at most."""


def _of(row: PlannedRow) -> Collection[Level]:
    return row.levels.values()


def _misplaced(
    row: PublishedRow, table: TableSettings, levels: Collection[str], tests: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """(key, what is wrong, remedy) of what the row says besides its values."""
    if row.level and row.level not in levels:
        yield "level", f"no row of '{table.design}' has the level '{row.level}'", nearest(row.level, sorted(levels))
    if row.parameters is not None and "parameters" not in table.costs:
        yield "parameters", "the table has no column of parameters", "ask for one: `costs: [parameters]`"
    if tests:
        told = f"the data have several test parts ({', '.join(tests)}), and '{row.label}' would stand in the table of each"
        yield "", told, f"give each part a table of its own, such as `split: {next(iter(tests))}`"


def _remedy(name: str, metrics: Mapping[str, PlannedMetric]) -> str:
    """Metrics of one family differ by convention (`acc2_has0`, `acc2_non0`): which one is meant has to be said."""
    alike = [known for known in metrics if known.startswith(f"{name}_")]
    return f"say by which convention: {', '.join(alike)}" if alike else nearest(name, list(metrics))
