"""A table as a paper prints it: a design's cells by metrics, each mean ± sd, n, and its distance from the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from .blocks import Summary, summarise
from .effects import effects_of
from .gather import gather, states_of
from .html import html
from .judged import compared_figures, family_size, judge, ties
from .notebook import rich_table
from .notes import NOT_DONE, caption_of, notes_of
from .sheet import sheet_of
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.table import Table as RichTable

    from ..core.study.plan import DesignKind, Level, Plan, PlannedMetric, PlannedRow, StatisticsSettings, TableSettings
    from .gather import Gathered
    from .judged import Judged, Place
    from .sheet import Sheet
    from .statistics.contrast import Effect
    from .statistics.procedure import Procedure

_TESTED = ("ci_low", "ci_high", "p", "p_adjusted", "wins")


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one row, in its own unit (`percent` is a matter of printing)."""

    mean: float | None
    """Over all done trials; None without any."""
    sd: float | None
    """ddof 1; None below two trials."""
    n: int
    """Done trials (seeds x folds) that have the metric."""
    judged: Judged | None = None
    """How it compares with the reference; None for the reference itself, and where no block is common."""
    tied: bool = False
    """Whether it is not told apart from the best of its column."""

    @property
    def delta(self) -> float | None:
        """Mean difference from the reference over the blocks (seed and fold) that both have; None for itself."""
        return self.judged.comparison.delta if self.judged else None

    @property
    def pairs(self) -> int:
        """Number of those blocks."""
        return self.judged.comparison.pairs if self.judged else 0


@dataclass(frozen=True, slots=True)
class Row:
    """A cell as it stands in the table's design."""

    cell: str
    label: str
    baseline: bool
    """Whether the others are held against this one."""
    levels: Mapping[str, Level]
    """{factor: level}; a factor that does not concern the row is not there."""
    scores: Mapping[str, Score]
    """{metric: score}, one for each column of the table."""
    planned: int
    """Trials planned."""
    done: int
    """Trials that count."""
    left_out: Mapping[str, int]
    """{state: trials} of the others; only states that occurred."""


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
    decimals: int = 3
    percent: bool = False

    def frame(self) -> pd.DataFrame:
        """Numbers for programs; NaN where there is none.

        METRIC, METRIC_sd, METRIC_n, METRIC_delta, METRIC_pairs, METRIC_ci_low, METRIC_ci_high, METRIC_p,
        METRIC_p_adjusted, METRIC_wins, METRIC_verdict.
        """
        records = [self._numbers(row) for row in self.rows]
        return pd.DataFrame(records, columns=list(self._numbers(None)))

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

    def records(self) -> list[dict[str, str | float | int | None]]:
        """A JSON row for each cell and metric: figures of the score, then of its comparison with the reference."""
        return [
            {
                "cell": row.cell,
                "label": row.label,
                "split": self.split,
                "metric": metric,
                "mean": score.mean,
                "sd": score.sd,
                "n": score.n,
                **compared_figures(score.judged),
            }
            for row in self.rows
            for metric, score in row.scores.items()
        ]

    def _numbers(self, row: Row | None) -> dict[str, Any]:
        """One row of `frame`; without a row only its keys count."""
        columns: list[tuple[str, Any]] = [
            ("cell", row and row.cell),
            ("label", row and row.label),
            *((factor, row and row.levels.get(factor)) for factor in self.factors),
        ]
        for metric in self.metrics:
            score = row.scores[metric.name] if row else Score(None, None, 0)
            columns += [
                (metric.name, _number(score.mean)),
                (f"{metric.name}_sd", _number(score.sd)),
                (f"{metric.name}_n", score.n),
                (f"{metric.name}_delta", _number(score.delta)),
                (f"{metric.name}_pairs", score.pairs),
            ]
            figures = compared_figures(score.judged)
            columns += [(f"{metric.name}_{name}", _number(figures[name])) for name in _TESTED]
            columns.append((f"{metric.name}_verdict", figures["verdict"]))
        columns.append(("done", row.done if row else 0))
        columns += [(state, row.left_out.get(state, 0) if row else 0) for state in NOT_DONE]
        return _unique_keys(columns)


def tabulate(frame: pd.DataFrame, plan: Plan, table: TableSettings) -> Table:
    """The table of a design from the tidy frame. Raises StudyError for a design, split or metric that nobody has."""
    made = gather(frame, plan, table)
    design, reference, metrics = made.design, made.reference, made.metrics
    others = [other for other in plan.tables if other != table] if table.statistics.family == "study" else []
    declared = {place: one for other in others for place, one in gather(frame, plan, other).found.items()}
    judged = judge(made.found, declared, metrics, table.statistics)
    statistics = Statistics(table.statistics, made.procedure, family_size(made.found, declared, table.statistics))
    states = states_of(frame, plan)
    cells = [row.cell for row in design.rows]
    tied = {metric.name: ties(made.values, cells, metric, made.procedure, table.statistics) for metric in metrics}
    rows = tuple(_row(row, made, judged, tied, states.get(row.cell, [])) for row in design.rows)
    compared = any(score.delta is not None for row in rows for score in row.scores.values())
    label = reference.label if reference else next((c.label for c in plan.cells if c.key == made.against), made.against)
    shown = plain(label) if compared else ""
    effects = {
        metric.name: effects_of(made.values, plan, design, metric, procedure=made.procedure, settings=table.statistics)
        for metric in metrics
    }
    unfinished = Table(
        name=plain(design.name),
        kind=design.kind,
        caption=plain(table.caption) or caption_of(design, plan, table.split),
        split=table.split,
        factors=tuple(plain(factor) for factor in design.factors),
        metrics=metrics,
        rows=rows,
        reference=shown,
        notes=(),
        statistics=statistics,
        effects=effects,
        decimals=table.decimals,
        percent=table.percent,
    )
    return replace(unfinished, notes=notes_of(plan, unfinished, absent=made.absent))


def _row(
    row: PlannedRow,
    made: Gathered,
    judged: Mapping[Place, Judged],
    tied: Mapping[str, frozenset[str]],
    states: Sequence[str],
) -> Row:
    """A planned row with its scores; `states` are those of all trials of its cell."""
    scores = {}
    for metric in made.metrics:
        own = made.values.get((row.cell, metric.name), {}).values()  # noqa: PD011 - a mapping
        summary: Summary = summarise(own)
        place = (made.split, row.cell, metric.name)
        scores[metric.name] = Score(*summary, judged=judged.get(place), tied=row.cell in tied[metric.name])
    return Row(
        cell=row.cell,
        label=plain(row.label),
        baseline=row.cell == made.against,
        levels={plain(name): plain(level) if isinstance(level, str) else level for name, level in row.levels.items()},
        scores=scores,
        planned=len(states),
        done=states.count("done"),
        left_out={state: states.count(state) for state in NOT_DONE if state in states},
    )


def _number(value: object) -> object:
    return float("nan") if value is None else value


def _unique_keys(columns: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Columns by name; a factor that is called like another column gets a number."""
    named: dict[str, Any] = {}
    for name, value in columns:
        unique, again = name, 2
        while unique in named:
            unique, again = f"{name}_{again}", again + 1
        named[unique] = value
    return named
