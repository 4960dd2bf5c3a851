"""A result as rows of the run store and back: plain JSON, with NaN and infinity in a form that every database keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .results import TrainResult

if TYPE_CHECKING:
    from collections.abc import Iterable

_INFINITE = {"inf": math.inf, "-inf": -math.inf}


class RecordError(Exception):
    """A value has no place in a row; never reaches a user."""


def row_of(result: TrainResult, settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """`(row of trials, rows of metrics)`. Raises RecordError for a value that is neither JSON nor a NumPy scalar.

    NaN is null, and infinity in JSON is the word `inf`. A metric of -0.0 is kept as 0.0, as SQLite does.
    """
    trial = {
        "key": result.key,
        "cell": result.cell,
        "seed": int(result.seed),
        "fold": result.fold,
        "state": result.state,
        "message": result.message,
        "selected_epoch": int(result.selected_epoch),
        "seconds": float(result.seconds),
        "splits": list(result.metrics),
        "curve": _plain(result.curve, "curve"),
        "settings": _plain(settings, "settings"),
        "provenance": _plain(result.provenance, "provenance"),
    }
    values = [(split, metric, value) for split, found in result.metrics.items() for metric, value in found.items()]
    metrics = [
        {"key": result.key, "split": split, "metric": metric, "place": place, "value": _number(value)}
        for place, (split, metric, value) in enumerate(values)
    ]
    return trial, metrics


def result_of(trial: Mapping[str, Any], metrics: Iterable[tuple[str, str, float | None]]) -> TrainResult:
    """The result whose rows these are, `metrics` in their order; without predictions."""
    found: dict[str, dict[str, float]] = {split: {} for split in trial["splits"]}
    for split, metric, value in metrics:
        found[split][metric] = math.nan if value is None else value
    return TrainResult(
        key=trial["key"],
        cell=trial["cell"],
        seed=trial["seed"],
        fold=trial["fold"],
        state=trial["state"],
        message=trial["message"],
        metrics=found,
        curve=tuple({name: _float(value) for name, value in epoch.items()} for epoch in trial["curve"]),
        selected_epoch=trial["selected_epoch"],
        seconds=trial["seconds"],
        provenance=trial["provenance"],
    )


def _number(value: float) -> float | None:
    value = float(value)
    return None if math.isnan(value) else value + 0.0


def _float(value: float | str | None) -> float:
    if value is None:
        return math.nan
    return _INFINITE[value] if isinstance(value, str) else float(value)


def _plain(value: Any, where: str) -> Any:  # noqa: ANN401 - JSON
    """`value` in JSON's own types; NumPy scalars become numbers, tuples lists."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, f"{where}.{name}") for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, where) for inner in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise RecordError(f"{where} is a {type(value).__name__}, which is not JSON")
