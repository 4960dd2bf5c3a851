"""Which trials may share a stack: those of one group, which is one program. Everything else varies from row to row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from ..specs import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..study.settings import CellSettings

SomeSpec = TypeVar("SomeSpec", bound=Spec)

OF_A_ROW = frozenset({"weight", "warmup"})
"""Settings of loss terms that the engine reads anew for every row and epoch."""


def structure(settings: CellSettings) -> str:
    """What decides the program of a cell: its modules, their shapes, the batch and the kind of optimiser.

    Not part of it: knobs (but whether one is zero is: a module may leave a part of it out), weights and schedules of
    loss terms, rates of dropout, learning rate, decay, clipping, selection, patience, folds and seeds.
    """
    return json.dumps(parts(settings), sort_keys=True)


def parts(settings: CellSettings) -> dict[str, Any]:
    """The same, part by part."""
    drop = settings.modality_dropout
    return {
        "dataset": settings.dataset.resolved(),
        "modalities": settings.modalities,
        "encoder": {name: program(spec) for name, spec in settings.encoder.items()},
        "fusion": program(settings.fusion),
        "latent": settings.latent,
        "head": settings.head.dropout > 0,
        "modality_dropout": "mean" if drop is None else drop.site,
        "losses": [[term, spec.weight > 0, program(spec)] for term, spec in settings.losses.items()],
        "batch_size": settings.train.batch_size,
        "optimizer": settings.train.optimizer,
    }


def program(spec: Spec) -> dict[str, Any]:
    """What of a component's settings decides its program."""
    resolved = spec.resolved()
    found: dict[str, Any] = {name: value for name, value in resolved.items() if name not in OF_A_ROW}
    found |= {name: bool(resolved[name]) for name in spec.knobs() if name in found}
    return found | {field: program(held) for field, held in spec.inner()}


def tops(settings: CellSettings) -> list[tuple[str, Spec]]:
    """(path, spec) of every component of a cell that computes and that no other holds."""
    found: list[tuple[str, Spec]] = [(f"encoder.{name}", spec) for name, spec in settings.encoder.items()]
    return [*found, ("fusion", settings.fusion), *((f"losses.{name}", spec) for name, spec in settings.losses.items())]


def with_part(settings: CellSettings, path: str, spec: Spec) -> CellSettings:
    """The same with another component at `path`, one of `tops`."""
    field, _, name = path.partition(".")
    return settings.model_copy(update={field: {**getattr(settings, field), name: spec} if name else spec})


def components(settings: CellSettings) -> Iterator[tuple[str, Spec]]:
    """(path, spec) of every component of a cell that computes, with those that others hold."""
    waiting = tops(settings)
    while waiting:
        path, spec = waiting.pop(0)
        yield path, spec
        waiting += [(f"{path}.{field}", held) for field, held in spec.inner()]


def not_stackable(settings: CellSettings) -> str:
    """Why a cell says itself that it is trained one at a time; empty where it does not."""
    for path, spec in components(settings):
        if not spec.stackable:
            return f"{path}: {spec.kind} '{spec.name}' says that it cannot be stacked"
    return ""


def moved(spec: SomeSpec, factor: float) -> SomeSpec:
    """`spec` with its knobs times `factor`, or over it where that is not allowed, with what it holds."""
    changes: dict[str, Any] = {field: moved(held, factor) for field, held in spec.inner()}
    for knob in spec.knobs():
        for value in (getattr(spec, knob) * factor, getattr(spec, knob) / factor):
            try:
                type(spec).model_validate({**dict(spec), knob: value})
            except ValidationError:
                continue
            changes[knob] = value
            break
    return spec.model_copy(update=changes)
