"""The tidy frame: every recorded trial as rows of one split and one metric, for tables, plots and export."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .recorded import planned
from .setting import setting_of
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..core.results import TrainResult
    from ..core.study.plan import Plan, PlannedCell

COLUMNS = ("study", "cell", "label", "design", "seed", "fold", "split", "metric", "value", "state", "key")
"""What every frame has; `set.PATH` columns follow, one for each setting that some cell varies."""

_Score = tuple[str, str, float]
"""split, metric, value."""


def tidy(results: Iterable[TrainResult], plan: Plan) -> pd.DataFrame:
    """One row a trial, split and metric, in the order of the plan, whatever the order of `results`.

    A cell that stands in several designs is one trial still: `design` joins their names by `;`. A trial that is not
    `done` has one row with an empty split and metric and no value, so that it is seen and counted but never averaged.
    Results that the plan does not hold (of an older version of the file) are left out; of two with one key the later
    one counts. `set.PATH` is the cell's value of a setting; a component reads as its name where names tell it apart.
    """
    trials = planned(results, plan)
    scores = [_scores(trial) for trial in trials]
    counts = [len(found) for found in scores]
    split, metric, value = zip(*chain.from_iterable(scores), strict=True) if trials else ((),) * 3
    cells = [trial.cell for trial in trials]
    designs, labels = _designs(plan), {planned.key: plain(planned.label) for planned in plan.cells}

    def repeated(values: pd.Series[Any]) -> pd.Series[Any]:
        """A value of each trial in each of its rows."""
        return pd.Series(np.repeat(values.to_numpy(), counts), dtype=values.dtype)  # `repeat` of pandas guesses a type

    def texts(values: Sequence[str]) -> pd.Series[Any]:
        return repeated(pd.Series(values, dtype=object))

    frame = pd.DataFrame(
        {
            "study": texts([plan.study] * len(trials)),
            "cell": texts(cells),
            "label": texts([labels[cell] for cell in cells]),
            "design": texts([designs[cell] for cell in cells]),
            "seed": repeated(pd.Series([trial.seed for trial in trials], dtype="int64")),
            "fold": texts([trial.fold for trial in trials]),
            "split": pd.Series(split, dtype=object),
            "metric": pd.Series(metric, dtype=object),
            "value": pd.Series(value, dtype="float64"),
            "state": texts([trial.state for trial in trials]),
            "key": texts([trial.key for trial in trials]),
        }
    )
    varied = dict.fromkeys(path for planned in plan.cells for path in planned.differs)
    settings = {f"set.{plain(path)}": repeated(_column(cells, _setting(path, plan.cells))) for path in varied}
    return pd.concat([frame, pd.DataFrame(settings, index=frame.index)], axis=1) if settings else frame


def _scores(result: TrainResult) -> list[_Score]:
    """One at least: a trial that is not done has an empty one."""
    known = result.metrics if result.state == "done" else {}
    found = [(split, metric, float(value)) for split, scores in known.items() for metric, value in scores.items()]
    return found or [("", "", float("nan"))]


def _designs(plan: Plan) -> dict[str, str]:
    """{cell: names of the designs it stands in, joined by `;`}."""
    names: dict[str, list[str]] = {cell.key: [] for cell in plan.cells}
    for design in plan.designs:
        for key in dict.fromkeys(row.cell for row in design.rows):
            names.setdefault(key, []).append(design.name)
    return {key: ";".join(found) for key, found in names.items()}


def _setting(path: str, cells: Sequence[PlannedCell]) -> dict[str, Any]:
    """{cell: its value at `path`} as one kind of scalar; None where the cell has no such setting."""
    values = {
        cell.key: cell.differs[path] if path in cell.differs else setting_of(cell.settings, path) for cell in cells
    }
    distinct = {json.dumps(value, sort_keys=True, default=str): value for value in values.values()}
    by_name = len({str(_named(value)) for value in distinct.values()}) == len(distinct)
    scalars = {key: _scalar(value, by_name=by_name) for key, value in values.items()}
    kinds = {_family(value) for value in scalars.values() if value is not None}
    if len(kinds) > 1:
        return {key: None if value is None else str(value) for key, value in scalars.items()}
    return scalars


def _column(cells: Sequence[str], values: Mapping[str, Any]) -> pd.Series[Any]:
    """The value of each row's cell: numbers stay numbers (NaN where there is none), all else is as it is."""
    column = [values[cell] for cell in cells]
    numeric = all(value is None or _family(value) == "number" for value in values.values())
    return (
        pd.Series(column) if numeric and any(value is not None for value in column) else pd.Series(column, dtype=object)
    )


def _named(value: object) -> object:
    return value["name"] if isinstance(value, Mapping) and "name" in value else value


def _scalar(value: object, *, by_name: bool) -> object:
    """A number, a truth value, None or text: components by name where that is enough, else compact JSON."""
    if by_name:
        value = _named(value)
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and all(isinstance(item, str) and "+" not in item for item in value):
            return "+".join(value)
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return value


def _family(value: object) -> str:
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "text"
