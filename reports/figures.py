"""The numbers of a table for programs: a wide frame, a record for each cell and metric, the effects of its design."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.conditions import split_under
from .judged import compared_figures
from .notes import NOT_DONE
from .robustness import Measure
from .spent import costs_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from ..core.study.plan import PlannedMetric
    from .row import Row
    from .statistics.contrast import Effect
    from .table import Table

_TESTED = ("ci_low", "ci_high", "p", "p_adjusted", "wins")
_SIZES = ("superiority", "superiority_low", "superiority_high", "hedges_g", "d_z", "p_equivalent")
_OF_EFFECTS = ("n", "delta", "pairs", "ci_low", "ci_high", "p", "p_adjusted")
COSTS = ("parameters", "flops", "seconds", "memory")

Record = dict[str, "str | float | int | None"]


def wide(table: Table) -> pd.DataFrame:
    """One row a cell, a column for each figure of each metric; NaN where there is none."""
    from pandas import DataFrame  # noqa: PLC0415 - long to import, and few ask for frames

    columns, rows = wide_rows(table)
    return DataFrame(rows, columns=columns)


def wide_effects(table: Table) -> pd.DataFrame:
    """The effects of the design in the columns of `wide`: one row for each, `cell` empty, its value as the delta."""
    from pandas import DataFrame  # noqa: PLC0415 - long to import, and few ask for frames

    columns, rows = effect_rows(table)
    return DataFrame(rows, columns=columns or None)


def wide_rows(table: Table) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of `wide`."""
    return list(_numbers(table, None)), [_numbers(table, row) for row in table.rows]


def effect_rows(table: Table) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of `wide_effects`; a row need not have every column. No column where there is no effect."""
    empty = dict.fromkeys(_numbers(table, None))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for metric, kinds in table.effects.items():
        for kind, effects in kinds.items():
            for effect in effects:
                row = found.setdefault((kind, effect.label), {**empty, "cell": "", "label": effect.label})
                figures = effect_figures(effect)
                row |= {f"{metric}_{name}": figures[name] for name in _OF_EFFECTS}
                row["effect"] = kind
                row[f"{metric}_share"] = effect.share
    return list(dict.fromkeys(name for row in found.values() for name in row)), list(found.values())


def records(table: Table) -> list[Record]:
    """A JSON row for each cell and metric, then one for each effect and metric."""
    rows = [_record(table, row, metric) for row in table.rows for metric in table.metrics if metric.name in row.scores]
    metrics = {metric.name: metric for metric in table.metrics}
    blank = dict.fromkeys(rows[0]) if rows else {}
    effects = [
        blank
        | {"label": effect.label, **_place(table, metrics[name], "")}
        | effect_figures(effect)
        | {"effect": kind, "share": effect.share}
        for name, kinds in table.effects.items()
        for kind, some in kinds.items()
        for effect in some
    ]
    return rows + effects


def effect_figures(effect: Effect) -> Record:
    """The figures of an effect under the names that those of a comparison have."""
    return {
        "n": effect.units,
        "delta": effect.value,
        "ci_low": effect.low,
        "ci_high": effect.high,
        "p": effect.p,
        "p_adjusted": effect.p_adjusted,
        "pairs": effect.units,
        "units": effect.units,
    }


def _record(table: Table, row: Row, metric: PlannedMetric) -> Record:
    score = row.scores[metric.name]
    return {
        "cell": row.cell,
        "label": row.label,
        **_place(table, metric, row.condition),
        "mean": score.mean,
        "sd": score.sd,
        "n": score.n,
        **compared_figures(score.judged),
        **costs_of(row.cell, table.spent),
        "not_comparable": row.apart or None,
        "effect": None,
        "share": None,
    }


def _place(table: Table, metric: PlannedMetric, condition: str) -> Record:
    if isinstance(metric, Measure):
        return {"split": metric.split, "metric": metric.metric}
    return {"split": split_under(table.split, condition), "metric": metric.name}


def _numbers(table: Table, row: Row | None) -> dict[str, Any]:
    """One row of `wide`; without a row only its keys count."""
    columns: list[tuple[str, Any]] = [
        ("cell", row and row.cell),
        ("label", row and row.label),
        *((factor, row and row.levels.get(factor)) for factor in table.factors),
    ]
    for metric in table.metrics:
        columns += _scored(row, metric.name)
    if table.settings.costs:
        own = costs_of(row.cell if row else "", table.spent)
        columns += [(cost, _number(own[cost])) for cost in COSTS if cost in table.settings.costs]
    columns.append(("done", row.done if row else 0))
    columns += [(state, row.left_out.get(state, 0) if row else 0) for state in NOT_DONE]
    return _unique_keys(columns)


def _scored(row: Row | None, metric: str) -> list[tuple[str, Any]]:
    score = row.scores[metric] if row else None
    figures = compared_figures(score.judged if score else None)
    return [
        (metric, _number(score and score.mean)),
        (f"{metric}_sd", _number(score and score.sd)),
        (f"{metric}_n", score.n if score else 0),
        (f"{metric}_delta", _number(score and score.delta)),
        (f"{metric}_pairs", score.pairs if score else 0),
        *((f"{metric}_{name}", _number(figures[name])) for name in _TESTED),
        (f"{metric}_verdict", figures["verdict"]),
        *((f"{metric}_{name}", _number(figures[name])) for name in _SIZES),
    ]


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
