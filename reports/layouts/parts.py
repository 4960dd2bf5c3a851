"""What several layouts are made of: columns and fields of metrics, marks of the best, counts, costs, published rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..comparison_columns import comparison_columns
from ..costs import scaled, size
from ..numerals import ABSENT, digits, heading, numeral, scale
from ..sheet import Cell, Column
from ..spent import Spent
from ..text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.study.plan import Level, PlannedMetric
    from ...core.study.table_settings import PublishedRow
    from ..row import Row, Score
    from ..sheet import Mark
    from ..table import Table

PUBLISHED = "‡"
"""Behind the label of a row that somebody else has published."""
APART = "≠"
"""In the place of a number that is not comparable with the others of its column."""
_COSTS = {"parameters": "Parameters", "flops": "FLOPs", "seconds": "Seconds", "memory": "Memory"}


def title(table: Table, metric: PlannedMetric, name: str = "") -> str:
    """`Weighted F1 (%) ↑`."""
    unit = " (%)" if table.percent and metric.rate else ""
    return f"{heading(name or metric.name)}{unit} {'↑' if metric.higher_is_better else '↓'}"


def spread_word(table: Table) -> str:
    """What stands behind ±, as a heading says it."""
    kind = table.settings.format.spread
    return f"{100 * (1 - table.statistics.settings.alpha):g} % CI" if kind == "ci" else kind


def spread_of(table: Table, score: Score) -> float | None:
    """The number behind ±."""
    return {"sd": score.sd, "se": score.se, "ci": score.half}[table.settings.format.spread]


def metric_columns(table: Table, metric: PlannedMetric, group: str = "") -> list[Column]:
    """The mean, then how it compares; `group` stands above them in place of the metric's own title."""
    above = group or title(table, metric)
    if not table.reference:
        return [Column(above, "right")] if not group else [Column(title(table, metric), "right", group=group)]
    spread = any(spread_of(table, row.scores[metric.name]) is not None for row in table.rows)
    said = f"mean ± {spread_word(table)}" if spread else "value"
    columns = [Column(said, "right", group=above, flat=above)]
    return columns + [
        Column(column.heading, "left" if column.name == "verdict" else "right", group=above)
        for column in comparison_columns(table, metric)
    ]


def metric_cells(table: Table, row: Row | None, metric: PlannedMetric, mark: Mark) -> list[Cell]:
    """The fields of a row under `metric_columns`; without a row all are dashes."""
    others = comparison_columns(table, metric) if table.reference else []
    if row is None or row.apart:
        return [Cell(ABSENT if row is None else APART), *(Cell(ABSENT if row is None else "") for _ in others)]
    score = row.scores[metric.name]
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    return [
        score_cell(table, metric, score, mark),
        *(Cell("" if row.baseline else column.text(score.judged, factor, places)) for column in others),
    ]


def score_cell(table: Table, metric: PlannedMetric, score: Score, mark: Mark = "") -> Cell:
    """A mean with its spread and its marks."""
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    known = spread_of(table, score)
    spread = "" if known is None else numeral(known * factor, places)
    return Cell(mean_text(table, metric, score.mean), spread, mark, tied=score.tied)


def mean_text(table: Table, metric: PlannedMetric, mean: float | None) -> str:
    """A mean in the digits of the table."""
    places = digits(metric, table.decimals, percent=table.percent)
    return ABSENT if mean is None else numeral(mean * scale(metric, percent=table.percent), places)


def marks(metric: PlannedMetric, rows: Sequence[Row]) -> list[Mark]:
    """Best and second best of the rows, as they were ranked."""
    names: dict[int, Mark] = {1: "best", 2: "second"}
    return [names.get(row.scores[metric.name].rank, "") for row in rows]


def is_counted(table: Table) -> bool:
    """Whether rows differ in the number of trials, so that a column has to say it."""
    return len({(row.done, row.planned) for row in table.rows}) > 1


def count_cell(row: Row) -> Cell:
    """`4/5`."""
    return Cell(f"{row.done}/{row.planned}")


def cost_columns(table: Table, group: str = "") -> list[Column]:
    """A column for each cost that was asked for."""
    return [Column(_COSTS[cost], "right", group=group) for cost in dict.fromkeys(table.settings.costs)]


def cost_cells(table: Table, cell: str) -> list[Cell]:
    """The costs of a cell."""
    own = table.spent.get(cell, Spent())
    texts = {
        "parameters": None if own.parameters is None else f"{own.parameters:,}",
        "flops": None if own.flops is None else scaled(own.flops),
        "seconds": None if own.seconds is None else numeral(own.seconds, 2),
        "memory": None if own.memory is None else size(own.memory),
    }
    return [Cell(texts[cost] or ABSENT) for cost in dict.fromkeys(table.settings.costs)]


def published_cells(table: Table, row: PublishedRow, metric: PlannedMetric) -> list[Cell]:
    """A published number under `metric_columns`: no mark, no comparison."""
    others = comparison_columns(table, metric) if table.reference else []
    return [Cell(mean_text(table, metric, row.values.get(metric.name))), *(Cell("") for _ in others)]


def published_costs(table: Table, row: PublishedRow) -> list[Cell]:
    """The published number of parameters; nothing else is known."""
    known = {"parameters": f"{row.parameters:,}" if row.parameters is not None else ABSENT}
    return [Cell(known.get(cost, ABSENT)) for cost in dict.fromkeys(table.settings.costs)]


def published_label(row: PublishedRow) -> Cell:
    """The label, marked."""
    return Cell(f"{plain(row.label)} {PUBLISHED}")


def level_cell(level: Level, concerned: bool = True) -> Cell:
    """A level as a field: a tick, a word, or nothing where the factor does not concern the row."""
    if isinstance(level, bool):
        return Cell("✓" if level else "✗", tick=level)
    return Cell(str(level) if level is not None else ABSENT if concerned else "")
