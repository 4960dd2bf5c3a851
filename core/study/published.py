"""Published numbers of a table: of a metric that the study has, by its convention and in its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import nearest
from .locate import locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .plan import PlannedMetric, TableSettings
    from .problems import Problems
    from .tree import Node


def check_published(
    table: TableSettings, number: int, root: Node, metrics: Mapping[str, PlannedMetric], problems: Problems
) -> None:
    """Write down every published number that has no column to stand in; `number` is that of the table in the file."""
    for index, row in enumerate(table.reference):
        for name, value in row.values.items():
            parts: list[str | int] = ["tables", number, "reference", index, "values", name]
            place, path = locate(root, parts)[0].place, ".".join(map(str, parts))
            metric = metrics.get(name)
            if metric is None:
                told = f"no column has the metric '{name}' of the published '{row.label}'"
                problems.add(place, told, path, _remedy(name, metrics), code="BF314")
            elif metric.rate and abs(value) > 1:
                told = f"'{name}' is a rate from 0 to 1, and {value:g} is none"
                problems.add(place, told, path, f"write {value / 100:g}", code="BF320")
            elif table.metrics and name not in table.metrics:
                told = f"the table has no column '{name}' for the published '{row.label}'"
                problems.add(place, told, path, "name the metric in `metrics` too", code="BF320")


def _remedy(name: str, metrics: Mapping[str, PlannedMetric]) -> str:
    """Metrics of one family differ by convention (`acc2_has0`, `acc2_non0`): which one is meant has to be said."""
    alike = [known for known in metrics if known.startswith(f"{name}_")]
    return f"say by which convention: {', '.join(alike)}" if alike else nearest(name, list(metrics))
