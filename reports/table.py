"""A table as a paper prints it: a design's cells by metrics, each mean ± sd, n, and its distance from the baseline."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from ..core.study.plan import TableSettings
from .blocks import Summary, summarise
from .claims import claims_notes
from .data_set_ranks import ranks_of_table
from .effects import contrasts_of, effects_of, untold
from .figures import records, wide, wide_effects
from .gather import gather
from .html import html
from .judged import family_size, judge
from .layouts import sheet_of
from .notebook import rich_table
from .notes import NOT_DONE, caption_of, notes_of
from .ranking import NO_RANKING, ranking
from .recorded import recorded, states_of
from .row import Row, Score
from .shapes import Shape, shape_of, word_of
from .statistics.blocks import averaged
from .statistics.distributions import t_isf
from .sweep import trends, untold_trends
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from rich.table import Table as RichTable

    from ..core.results import TrainResult
    from ..core.study.plan import DesignKind, Plan, PlannedMetric, PlannedRow, StatisticsSettings
    from .blocks import Block
    from .figures import Record
    from .gather import Gathered
    from .judged import Judged, Place
    from .ranking import Ranking
    from .sheet import Sheet
    from .spent import Spent
    from .statistics.compare import Comparison
    from .statistics.contrast import Effect
    from .statistics.friedman import Friedman
    from .statistics.procedure import Procedure


@dataclass(frozen=True, slots=True)
class Statistics:
    """How the rows of a table were compared."""

    settings: StatisticsSettings
    procedure: Procedure
    family: int
    """Comparisons that one correction is over."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order of the design, columns in the order of the metrics; every text is one plain line."""

    name: str
    """Name of the design, and stem of the files; `write_tables` makes it unique."""
    kind: DesignKind
    caption: str
    split: str
    factors: tuple[str, ...]
    metrics: tuple[PlannedMetric, ...]
    """The columns; a metric that no trial has is not among them but in the notes."""
    rows: tuple[Row, ...]
    reference: str
    """Label of the row that deltas are against; empty without one."""
    notes: tuple[str, ...]
    """What stands under the table: n, split, pairing, what was left out."""
    statistics: Statistics
    """How rows were compared."""
    effects: Mapping[str, Mapping[str, tuple[Effect, ...]]]
    """{metric: {kind: effects}} that the design is made to show: of factors, steps, ordered values."""
    untold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """{metric: why some of these effects are not there}."""
    rankings: Mapping[str, tuple[Ranking, ...]] = field(default_factory=dict)
    """{metric: how rows were ranked}, one for the rows of each data set."""
    over_data_sets: Friedman | None = None
    """How methods rank over three or more data sets in the first metric."""
    decimals: int = 3
    percent: bool = False
    shape: Shape = field(default_factory=Shape)
    """What the layout is made of besides rows and metrics."""
    spent: Mapping[str, Spent] = field(default_factory=dict)
    """{cell: what a trial of it costs}."""
    settings: TableSettings = field(default_factory=lambda: TableSettings(design=""))
    """What the study asked for."""

    def frame(self) -> pd.DataFrame:
        """Numbers for programs; NaN where there is none.

        METRIC, METRIC_sd, METRIC_n, METRIC_delta, METRIC_pairs, METRIC_ci_low, METRIC_ci_high, METRIC_p,
        METRIC_p_adjusted, METRIC_wins, METRIC_verdict, METRIC_superiority, METRIC_superiority_low,
        METRIC_superiority_high, METRIC_hedges_g, METRIC_d_z, METRIC_p_equivalent.
        """
        return wide(self)

    def effects_frame(self) -> pd.DataFrame:
        """The effects of the design in the columns of `frame`: the value is METRIC_delta, `effect` the kind."""
        return wide_effects(self)

    def shown(self) -> pd.DataFrame:
        """The same as people read it: every cell a text, the best in `**`, the second in `_`."""
        return self.sheet().shown()

    def sheet(self) -> Sheet:
        """The texts and marks that every printed format shares."""
        return sheet_of(self)

    def __rich__(self) -> RichTable:
        return rich_table(self.sheet())

    def _repr_html_(self) -> str:
        return html(self.sheet())

    def records(self) -> list[Record]:
        """A JSON row for each cell and metric, its score and its comparison; then one for each effect and metric."""
        return records(self)


def tabulate(
    told: pd.DataFrame | Sequence[TrainResult],
    plan: Plan,
    table: TableSettings,
    spent: Mapping[str, Spent] | None = None,
) -> Table:
    """The table of a design from the tidy frame, or from results in the order of the plan, which takes less time.

    `spent` {cell: its costs} is what the columns of `costs` show. Raises StudyError for a design, split or metric that
    nobody has.
    """
    results = recorded(told)
    made = gather(results, plan, table)
    design, metrics = made.design, made.metrics
    declared = _declared(results, plan, table)
    judged = judge(made.found, declared, metrics, table.statistics)
    states = states_of(results, plan)
    shape = shape_of(plan, made, table)
    rankings = {metric.name: _rankings(made, metric, shape, table) for metric in metrics}
    rows = tuple(
        _row(row, made, _scores(row, made, judged, rankings, table), states.get(row.cell, [])) for row in design.rows
    )
    unfinished = Table(
        name=plain(design.name),
        kind=design.kind,
        caption=plain(table.caption) or caption_of(design, plan, table.split),
        split=table.split,
        factors=tuple(plain(factor) for factor in design.factors),
        metrics=metrics,
        rows=rows,
        reference=_reference(plan, made, rows),
        notes=(),
        statistics=Statistics(table.statistics, made.procedure, family_size(made.found, declared, table.statistics)),
        effects=_effects(plan, made, shape, table),
        untold=_untold(plan, made, shape),
        rankings=rankings,
        over_data_sets=ranks_of_table(made, metrics[0], table.statistics.alpha) if metrics else None,
        decimals=table.places,
        percent=table.in_percent,
        shape=shape,
        spent=spent or {},
        settings=table,
    )
    claims = claims_notes(results, plan, design.name, table.split)
    return replace(
        unfinished, notes=notes_of(plan, unfinished, absent=made.absent, lost=_lost(plan, made, states), claims=claims)
    )


def _declared(results: Sequence[TrainResult], plan: Plan, table: TableSettings) -> dict[Place, Comparison | None]:
    """The comparisons of the other tables, where the correction is over all of the study."""
    others = [other for other in plan.tables if other != table] if table.statistics.family == "study" else []
    return {place: one for other in others for place, one in gather(results, plan, other).found.items()}


def _reference(plan: Plan, made: Gathered, rows: Sequence[Row]) -> str:
    """Label of the row that deltas are against; empty where there is none."""
    if not any(score.delta is not None for row in rows for score in row.scores.values()):
        return ""
    if made.reference is not None:
        levels = {name: level for name, level in made.reference.levels.items() if name != made.groups.factor}
        said = ", ".join(word_of(name, level) for name, level in levels.items()) if made.groups.factor else ""
        return plain(said or made.reference.label)
    return plain(next((cell.label for cell in plan.cells if cell.key == made.against), made.against))


def _lost(plan: Plan, made: Gathered, states: Mapping[str, Sequence[str]]) -> list[str]:
    """Labels of the cells that rows are held against and that have no finished trial."""
    labels = {cell.key: cell.label for cell in plan.cells} | {row.key: row.label for row in made.design.rows}
    cells = {cell.key: cell.key for cell in plan.cells} | {row.key: row.cell for row in made.design.rows}
    held = dict.fromkeys(key for row, key in made.groups.references.items() if row != key)
    return [plain(labels.get(key, key)) for key in held if "done" not in states.get(cells.get(key, key), ())]


def _rankings(made: Gathered, metric: PlannedMetric, shape: Shape, table: TableSettings) -> tuple[Ranking, ...]:
    """The rows that may be ranked among each other, and that stand in the table."""
    inside = {made.design.rows[index].key for series in shape.series for _, index in series.points}
    groups = [[key for key in some if not inside or key in inside] for some in made.groups.members]
    return tuple(ranking(made.values, some, metric, made.procedure, table) for some in groups)


def _effects(
    plan: Plan, made: Gathered, shape: Shape, table: TableSettings
) -> dict[str, Mapping[str, tuple[Effect, ...]]]:
    """{metric: what the design is made to show}; nothing across data sets."""
    if made.groups.factor or made.groups.apart:
        return {metric.name: {} for metric in made.metrics}
    settings = table.statistics
    if shape.series:
        found = {metric.name: trends(shape, made.design.rows, made, metric.name, settings) for metric in made.metrics}
        return {name: {"trend": some} if some else {} for name, some in found.items()}
    known = list(contrasts_of(plan, made.design))
    return {
        metric.name: effects_of(
            made.values, plan, made.design, metric, procedure=made.procedure, settings=settings, known=known
        )
        for metric in made.metrics
    }


def _untold(plan: Plan, made: Gathered, shape: Shape) -> dict[str, tuple[str, ...]]:
    """{metric: why effects are not there}; of several data sets none is asked for."""
    if made.groups.factor or made.groups.apart:
        return {}
    names = [metric.name for metric in made.metrics]
    if shape.series:
        return {name: untold_trends(shape, made.design.rows, made, name) for name in names}
    known = list(contrasts_of(plan, made.design))
    return {metric.name: untold(made.values, made.design, metric, made.procedure, known) for metric in made.metrics}


def _scores(
    row: PlannedRow,
    made: Gathered,
    judged: Mapping[Place, Judged],
    rankings: Mapping[str, Sequence[Ranking]],
    table: TableSettings,
) -> dict[str, Score]:
    """{metric: score} of a planned row."""
    scores = {}
    for metric in made.metrics:
        own: Mapping[Block, float] = made.values.get((row.key, metric.name), {})  # noqa: PD011 - a mapping
        summary: Summary = summarise(own.values())
        place = (made.split, row.key, metric.name)
        se, half = _errors(own, made.procedure) if table.format.spread != "sd" else (None, None)
        among = next((one for one in rankings[metric.name] if row.key in one.ranks or row.key in one.tied), NO_RANKING)
        tied, rank = row.key in among.tied, among.ranks.get(row.key, 0)
        scores[metric.name] = Score(*summary, judged.get(place), tied=tied, rank=rank, se=se, half=half)
    return scores


def _row(row: PlannedRow, made: Gathered, scores: Mapping[str, Score], states: Sequence[str]) -> Row:
    """A planned row with its scores; `states` are those of all trials of its cell."""
    return Row(
        cell=row.cell,
        label=plain(row.label),
        baseline=row.key == made.groups.references.get(row.key, made.against),
        levels={plain(name): plain(level) if isinstance(level, str) else level for name, level in row.levels.items()},
        scores=scores,
        planned=len(states),
        done=states.count("done"),
        left_out={state: states.count(state) for state in NOT_DONE if state in states},
        condition=row.condition,
        apart=made.groups.apart.get(row.key, ""),
    )


def _errors(values: Mapping[Block, float], procedure: Procedure) -> tuple[float | None, float | None]:
    """Standard error of a mean and half its interval, over the units of the test, corrected where folds overlap."""
    blocks = tuple(sorted(values))
    units = averaged(blocks, np.array([values[block] for block in blocks]), procedure.unit)
    if units.size <= 1:  # one observation has no spread
        return None, None
    se = float(units.std(ddof=1)) * sqrt(procedure.share(units.size))
    return se, se * t_isf(procedure.alpha / 2, units.size - 1)
