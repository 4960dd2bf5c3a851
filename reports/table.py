"""A table as a paper prints it: a design's cells by metrics, each mean ± sd, n, and its distance from the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core.errors import StudyError, nearest
from .blocks import Difference, Summary, paired_difference, summarise
from .notes import NOT_DONE, caption_of, notes_of
from .sheet import sheet_of
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core.study.plan import DesignKind, Level, Plan, PlannedDesign, PlannedMetric, PlannedRow, TableSettings
    from .blocks import Block
    from .sheet import Sheet

_DEFAULT_METRICS = 4


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one row, in its own unit (`percent` is a matter of printing)."""

    mean: float | None
    """Over all done trials; None without any."""
    sd: float | None
    """ddof 1; None below two trials."""
    n: int
    """Done trials (seeds x folds) that have the metric."""
    delta: float | None
    """Mean difference from the reference over the blocks (seed and fold) that both have; None for itself."""
    pairs: int
    """Number of those blocks."""


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
    decimals: int = 3
    percent: bool = False

    def frame(self) -> pd.DataFrame:
        """Numbers for programs: METRIC, METRIC_sd, METRIC_n, METRIC_delta, METRIC_pairs; NaN where there is none."""
        records = [self._numbers(row) for row in self.rows]
        return pd.DataFrame(records, columns=list(self._numbers(None)))

    def shown(self) -> pd.DataFrame:
        """The same as people read it: every cell a text, the best in `**`, the second in `_`."""
        return self.sheet().shown()

    def sheet(self) -> Sheet:
        """The texts and marks that every printed format shares."""
        return sheet_of(self)

    def records(self) -> list[dict[str, str | float | int | None]]:
        """A JSON row for each cell and metric: cell, label, split, metric, mean, sd, n, delta."""
        return [
            {
                "cell": row.cell,
                "label": row.label,
                "split": self.split,
                "metric": metric,
                "mean": score.mean,
                "sd": score.sd,
                "n": score.n,
                "delta": score.delta,
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
            score = row.scores[metric.name] if row else Score(None, None, 0, None, 0)
            columns += [
                (metric.name, _number(score.mean)),
                (f"{metric.name}_sd", _number(score.sd)),
                (f"{metric.name}_n", score.n),
                (f"{metric.name}_delta", _number(score.delta)),
                (f"{metric.name}_pairs", score.pairs),
            ]
        columns.append(("done", row.done if row else 0))
        columns += [(state, row.left_out.get(state, 0) if row else 0) for state in NOT_DONE]
        return _unique_keys(columns)


def tabulate(frame: pd.DataFrame, plan: Plan, table: TableSettings) -> Table:
    """The table of a design from the tidy frame. Raises StudyError for a design, split or metric that nobody has."""
    design = _design(plan, table)
    done = frame[frame["state"] == "done"]
    _check_split(table, [str(split) for split in done["split"].unique() if split])
    wanted = _metrics(plan, table)
    values = _values(done, table.split, [metric.name for metric in wanted])
    reference = next((row for row in design.rows if row.baseline), None)
    against = reference.cell if reference else plan.baseline
    cells = {row.cell for row in design.rows}
    have = {metric for cell, metric in values if cell in cells}
    nothing = not any(done["cell"].isin(list(cells)))
    metrics = tuple(metric for metric in wanted if nothing or metric.name in have)
    states = _states(frame, plan)
    rows = tuple(_row(row, values, metrics, against, states.get(row.cell, [])) for row in design.rows)
    compared = any(score.delta is not None for row in rows for score in row.scores.values())
    label = reference.label if reference else next((c.label for c in plan.cells if c.key == against), against)
    shown = plain(label) if compared else ""
    return Table(
        name=plain(design.name),
        kind=design.kind,
        caption=plain(table.caption) or caption_of(design, plan, table.split),
        split=table.split,
        factors=tuple(plain(factor) for factor in design.factors),
        metrics=metrics,
        rows=rows,
        reference=shown,
        notes=notes_of(
            plan, rows, metrics, table.split, reference=shown, absent=[m.name for m in wanted if m not in metrics]
        ),
        decimals=table.decimals,
        percent=table.percent,
    )


def _row(
    row: PlannedRow,
    values: Mapping[tuple[str, str], Mapping[Block, float]],
    metrics: Iterable[PlannedMetric],
    against: str,
    states: Sequence[str],
) -> Row:
    """A planned row with its scores; `states` are those of all trials of its cell."""
    scores, itself = {}, row.cell == against
    for metric in metrics:
        own = values.get((row.cell, metric.name), {})
        summary: Summary = summarise(own.values())
        delta = Difference(None, 0) if itself else paired_difference(own, values.get((against, metric.name), {}))
        scores[metric.name] = Score(*summary, *delta)
    return Row(
        cell=row.cell,
        label=plain(row.label),
        baseline=itself,
        levels={plain(name): plain(level) if isinstance(level, str) else level for name, level in row.levels.items()},
        scores=scores,
        planned=len(states),
        done=states.count("done"),
        left_out={state: states.count(state) for state in NOT_DONE if state in states},
    )


def _design(plan: Plan, table: TableSettings) -> PlannedDesign:
    for design in plan.designs:
        if design.name == table.design:
            return design
    near = nearest(table.design, [design.name for design in plan.designs])
    raise StudyError(f"a table asks for the design '{table.design}', which the study has not; {near}".rstrip("; "))


def _check_split(table: TableSettings, known: Sequence[str]) -> None:
    if known and table.split not in known:
        near = nearest(table.split, known)
        raise StudyError(
            f"the table of '{table.design}' asks for the split '{table.split}', which no trial has; {near}"
        )


def _metrics(plan: Plan, table: TableSettings) -> tuple[PlannedMetric, ...]:
    """The metrics asked for, each once, or the first of the plan."""
    known = {metric.name: metric for metric in plan.metrics}
    for name in table.metrics:
        if name not in known:
            near = nearest(name, list(known))
            words = f"the table of '{table.design}' asks for the metric '{name}', which the study has not; {near}"
            raise StudyError(words.rstrip("; "))
    return tuple(known[name] for name in dict.fromkeys(table.metrics)) or plan.metrics[:_DEFAULT_METRICS]


def _values(done: pd.DataFrame, split: str, metrics: list[str]) -> dict[tuple[str, str], dict[Block, float]]:
    """{(cell, metric): {(seed, fold): value}} of the split; a value that is no finite number is none."""
    part = done[(done["split"] == split) & done["metric"].isin(metrics) & (done["value"].abs() < float("inf"))]
    values: dict[tuple[str, str], dict[Block, float]] = {}
    columns = (part[name] for name in ("cell", "metric", "seed", "fold", "value"))
    for cell, metric, seed, fold, value in zip(*columns, strict=True):
        values.setdefault((str(cell), str(metric)), {})[int(seed), str(fold)] = float(value)
    return values


def _states(frame: pd.DataFrame, plan: Plan) -> dict[str, list[str]]:
    """{cell: state of each of its trials}: those planned, or those recorded where the plan names none."""
    recorded = frame.drop_duplicates("key")
    state_of = dict(zip(recorded["key"], recorded["state"], strict=True))
    trials = [(trial.cell, trial.key) for trial in plan.trials] or zip(recorded["cell"], recorded["key"], strict=True)
    states: dict[str, list[str]] = {}
    for cell, key in trials:
        states.setdefault(cell, []).append(state_of.get(key, "missing"))
    return states


def _number(value: float | None) -> float:
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
