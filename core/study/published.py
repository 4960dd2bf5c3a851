"""Published numbers of a table: of a metric, a level and a part of the data that the table shows, in its own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import nearest
from .locate import locate
from .plan import DEFAULT_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .plan import PlannedDesign, PlannedMetric, TableSettings
    from .problems import Problems
    from .table_settings import PublishedRow
    from .tree import Node

_WHOLE = 100
"""What a rate in percent is at most."""
_Wrong = tuple[tuple[str, ...], str, str, str]
"""(keys in the row, what is wrong with it, what would be right, code)."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a study has, in which a published number may find its place."""

    metrics: Mapping[str, PlannedMetric]
    """In the order of the plan: a table that names none shows the first of them."""
    designs: Sequence[PlannedDesign] = ()
    tests: Sequence[str] = ("test",)
    """The test parts of the data; where none is called `test`, a table of `test` becomes one for each."""


def check_published(table: TableSettings, number: int, root: Node, known: Known, problems: Problems) -> None:
    """Write down every published number that has no column to stand in; `number` is that of the table in the file."""
    for index, row in enumerate(table.reference):
        within: list[str | int] = ["tables", number, "reference", index]
        for keys, told, remedy, code in (*_misplaced(row, table, known), *_values(row, table, known.metrics)):
            parts = [*within, *keys]
            problems.add(locate(root, parts)[0].place, told, ".".join(map(str, parts)), remedy, code=code)


def _misplaced(row: PublishedRow, table: TableSettings, known: Known) -> Iterator[_Wrong]:
    """What the row says besides its values, and what no table shows."""
    rows = [one for design in known.designs if design.name == table.design for one in design.rows]
    levels = list(dict.fromkeys(str(level) for one in rows for level in one.levels.values()))
    if row.level and row.level not in levels:
        told = f"no row of '{table.design}' has the level '{row.level}' of the published '{row.label}'"
        yield ("level",), told, nearest(row.level, levels), "BF320"
    if row.parameters is not None and "parameters" not in table.costs:
        told = f"the table has no column of parameters for the published '{row.label}'"
        yield ("parameters",), told, "ask for it: `costs: [parameters]`", "BF320"
    if table.split == "test" and "test" not in known.tests and len(known.tests) > 1:
        told = f"the data have no part 'test' but {', '.join(known.tests)}, and '{row.label}' is of one of them"
        yield (), told, f"give each a table of its own, such as `split: {known.tests[0]}`", "BF320"


def _values(row: PublishedRow, table: TableSettings, metrics: Mapping[str, PlannedMetric]) -> Iterator[_Wrong]:
    shown = table.metrics or list(metrics)[:DEFAULT_METRICS]
    for name, value in row.values.items():
        keys, metric = ("values", name), metrics.get(name)
        if metric is None:
            told = f"no column has the metric '{name}' of the published '{row.label}'"
            yield keys, told, _remedy(name, metrics), "BF314"
        elif metric.rate and not 0 <= value <= 1:
            told = f"'{name}' is a rate from 0 to 1, and {value:g} is none"
            yield keys, told, f"write {value / _WHOLE:g}" if 1 < value <= _WHOLE else "", "BF320"
        elif name not in shown:
            told = f"the table has no column '{name}' for the published '{row.label}'"
            yield keys, told, f"name it: `metrics: [{', '.join([*shown, name])}]`", "BF320"


def _remedy(name: str, metrics: Mapping[str, PlannedMetric]) -> str:
    """Metrics of one family differ by convention (`acc2_has0`, `acc2_non0`): which one is meant has to be said."""
    alike = [known for known in metrics if known.startswith(f"{name}_")]
    return f"say by which convention: {', '.join(alike)}" if alike else nearest(name, list(metrics))
