"""A trial as a row of the run store and back: plain JSON, floats to the bit, and a checksum over all of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, get_args

from .results import Progress, TrainResult

if TYPE_CHECKING:
    from collections.abc import Iterable

_INFINITE = {"inf": math.inf, "-inf": -math.inf}
STATES: tuple[str, ...] = get_args(Progress)
SEALED = (
    *("key", "cell", "seed", "fold", "state", "kind", "attempts", "selected_epoch", "seconds", "finished_at"),
    *("predictions", "message", "log", "metrics", "settings", "identity", "provenance", "curve"),
)
"""Columns that the checksum is of, in its order: every one that says something about a finished trial."""
_sealed = itemgetter(*SEALED)
_FLOATS = {float}


class RecordError(Exception):
    """A value has no place in a row, or a row is not what was written; never reaches a user."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A trial that a study asks for."""

    key: str
    cell: str
    seed: int
    fold: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Resolved settings of its cell."""
    identity: Mapping[str, str] = field(default_factory=dict)
    """What besides them decides the numbers: versions, and the digest of each plugin."""


def pending_rows(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Rows of trials that wait. Raises RecordError for settings that are not JSON."""
    texts: dict[int, str] = {}

    def written(value: Mapping[str, Any], where: str) -> str:
        if id(value) not in texts:  # trials of a cell share their settings
            texts[id(value)] = as_json(value, where)
        return texts[id(value)]

    return [
        EMPTY
        | {
            "key": entry.key,
            "cell": entry.cell,
            "seed": int(entry.seed),
            "fold": readable(entry.fold),
            "settings": written(entry.settings, "settings"),
            "identity": written(entry.identity, "identity"),
        }
        for entry in list(entries)
    ]


EMPTY: dict[str, Any] = {
    "state": "pending",
    "kind": "",
    "attempts": 0,
    "owner": None,
    "selected_epoch": -1,
    "seconds": 0.0,
    "finished_at": "",
    "sha256": "",
    "predictions": "",
    "message": "",
    "log": "",
    "metrics": "{}",
    "provenance": "{}",
    "curve": "[]",
}
"""What a trial that waits has in the columns of a result."""


def outcome_of(result: TrainResult) -> dict[str, Any]:
    """The columns of a result. Raises RecordError for a value that is neither JSON nor a NumPy scalar."""
    return {
        "state": result.state,
        "kind": result.kind,
        "owner": None,
        "selected_epoch": int(result.selected_epoch),
        "seconds": float(result.seconds),
        "message": readable(result.message),
        "log": readable(result.log),
        "metrics": as_json(result.metrics, "metrics"),
        "provenance": as_json(result.provenance, "provenance"),
        "curve": as_json(result.curve, "curve"),
    }


def digest(row: Mapping[str, Any]) -> str:
    """The sha256 of a finished row."""
    return hashlib.sha256(json.dumps(_sealed(row)).encode()).hexdigest()


def fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a row, or nothing."""
    if row["state"] not in STATES:
        return f"its state is {row['state']!r}"
    if row["state"] in {"pending", "running"}:
        return "it waits, and yet has a result" if row["sha256"] or row["finished_at"] else ""
    try:
        return "" if digest(row) == row["sha256"] else "it is not what was written: its checksum differs"
    except (TypeError, ValueError):
        return "a value of it has another type than what was written"


def result_of(row: Mapping[str, Any], *, curves: bool = True) -> TrainResult:
    """The result whose row this is, without predictions. Raises RecordError when it is not what was written.

    Without `curves` the curve is checked like all else and not read: of many trials it is most of the text.
    """
    if wrong := fault(row):
        raise RecordError(wrong)
    return TrainResult(
        key=row["key"],
        cell=row["cell"],
        seed=row["seed"],
        fold=row["fold"],
        state=row["state"],
        message=row["message"],
        metrics={split: _floats(found) for split, found in json.loads(row["metrics"]).items()},
        curve=tuple(_floats(epoch) for epoch in json.loads(row["curve"])) if curves else (),
        selected_epoch=row["selected_epoch"],
        seconds=row["seconds"],
        provenance=json.loads(row["provenance"]),
        kind=row["kind"],
        log=row["log"],
        attempts=row["attempts"],
    )


def readable(text: str) -> str:
    """`text` with what no database keeps (NUL, halves of a letter) spelt out."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def as_json(value: object, where: str) -> str:
    """`value` as text. NaN is null, infinity the word `inf`, NumPy scalars numbers, tuples lists."""
    return json.dumps(_plain(value, where))


def _floats(values: dict[str, Any]) -> dict[str, float]:
    if set(map(type, values.values())) == _FLOATS:  # nearly always
        return values
    return {name: value if type(value) is float else _float(value) for name, value in values.items()}


def _float(value: float | str | None) -> float:
    if value is None:
        return math.nan
    return _INFINITE[value] if isinstance(value, str) else float(value)


def _plain(value: Any, where: str) -> Any:  # noqa: ANN401 - JSON
    """`value` in JSON's own types."""
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
