"""A trial that was trained again, held against the stored one: bit by bit, and what differs in the environment."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ..core.results import TrainResult

_SHOWN = 12
_BESIDE_THE_POINT = frozenset({"flops", "fusion_weights", "memory", "slot_use", "traceback"})
"""Of the provenance: what may differ between two equal trainings."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not equal."""

    what: str
    stored: str
    again: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two trainings of one trial."""

    key: str
    label: str
    differences: tuple[Difference, ...]
    environment: tuple[Difference, ...]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "key": self.key,
            "label": self.label,
            "equal": not self.differences,
            "differences": [asdict(one) for one in self.differences],
            "environment": [asdict(one) for one in self.environment],
        }

    def as_text(self) -> str:
        """For people."""
        if not self.differences:
            told = [f"{self.key} ({self.label}): equal to the bit: state, metrics, curve and predictions"]
        else:
            told = [f"{self.key} ({self.label}): {len(self.differences)} differences"]
            told += [f"  {one.what}: stored {one.stored}, now {one.again}" for one in self.differences[:_SHOWN]]
            if len(self.differences) > _SHOWN:
                told.append(f"  ... and {len(self.differences) - _SHOWN} more")
        if self.environment:
            told.append("the environment differs:")
            told += [f"  {one.what}: stored {one.stored or 'nothing'}, now {one.again or 'nothing'}"
                     for one in self.environment]  # fmt: skip
        elif self.differences:
            told.append("nothing that is recorded of the environment differs")
        return "\n".join(told)


def compare(stored: TrainResult, again: TrainResult) -> tuple[Difference, ...]:
    """Everything in which two results differ, to the bit. Times and places are not compared."""
    return (*_plain(stored, again), *_predictions(stored.predictions, again.predictions))


def environment(
    stored: Mapping[str, Any], now: Mapping[str, Any], was: Mapping[str, Any], became: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """What differs between two identities (versions, digests of sources) and two provenances."""
    found = [Difference(name, *texts) for name, texts in _apart(stored, now)]
    known = {one.what for one in found}
    for name, texts in _apart(was, became):
        if name not in known and name not in _BESIDE_THE_POINT:
            found.append(Difference(name, *texts))
    return tuple(found)


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            yield name, (str(one.get(name, "")), str(other.get(name, "")))


def _plain(stored: TrainResult, again: TrainResult) -> Iterator[Difference]:
    before, after = dict(_facts(stored)), dict(_facts(again))
    for what in {**before, **after}:
        one, other = before.get(what), after.get(what)
        if one is None or other is None or _bits(one) != _bits(other):
            yield Difference(what, "nothing" if one is None else repr(one), "nothing" if other is None else repr(other))


def _facts(result: TrainResult) -> Iterator[tuple[str, str | int | float]]:
    yield "state", result.state
    yield "message", result.message
    yield "selected epoch", result.selected_epoch
    for split, metrics in result.metrics.items():
        yield from ((f"{split} {name}", float(value)) for name, value in metrics.items())
    for epoch, values in enumerate(result.curve):
        yield from ((f"epoch {epoch} {name}", float(value)) for name, value in values.items())


def _bits(value: str | float) -> str | int | bytes:
    """NaN equals NaN, and 0.0 is not -0.0."""
    if isinstance(value, float):
        return b"nan" if value != value else struct.pack("<d", value)  # noqa: PLR0124 - only NaN differs from itself
    return value


def _predictions(
    stored: Mapping[str, NDArray[np.generic]], again: Mapping[str, NDArray[np.generic]]
) -> Iterator[Difference]:
    for name in {**stored, **again}:
        what = f"predictions {name}"
        if name not in stored or name not in again:
            yield Difference(what, *("there" if name in side else "nothing" for side in (stored, again)))
            continue
        one, other = np.asarray(stored[name]), np.asarray(again[name])
        if (one.dtype, one.shape) != (other.dtype, other.shape):
            yield Difference(what, f"{one.dtype} {one.shape}", f"{other.dtype} {other.shape}")
        elif one.tobytes() != other.tobytes():
            rows = np.flatnonzero([a.tobytes() != b.tobytes() for a, b in zip(one, other, strict=True)])
            gap = np.nanmax(np.abs(one.astype(float) - other.astype(float)))
            yield Difference(what, f"{len(one)} rows", f"{len(rows)} of them others, by {gap:.3g} at most")
