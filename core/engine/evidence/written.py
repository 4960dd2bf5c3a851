"""The settings that a study sets or varies, each with the cells that have it: the only ones worth a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...specs import Settings, Spec
from ...study.fit import place_of
from ...study.tree import Place, lookup
from ..structure import components

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import BaseModel

    from ...study.cell import Cell


class Use(NamedTuple):
    """A setting in a cell."""

    cell: Cell
    path: str
    component: str
    """The component or group of settings that has it."""

    @property
    def inner(self) -> str:
        """The path inside the component."""
        return self.path.removeprefix(f"{self.component}.")

    @property
    def is_written(self) -> bool:
        """Whether the study says it, for this cell."""
        return lookup(self.cell.node, self.path) is not None

    @property
    def place(self) -> Place | str:
        """What is written once for all encoders is one setting."""
        area, *_ = self.path.split(".")
        return place_of(self.cell.node, self.path) if area == "encoder" and self.is_written else self.path


def written_settings(cells: Sequence[Cell]) -> list[list[Use]]:
    """All uses of each setting that the study says for some cell."""
    found: dict[Place | str, list[Use]] = {}
    for cell in cells:
        for use in _of_cell(cell):
            found.setdefault(use.place, []).append(use)
    return [uses for uses in found.values() if any(use.is_written for use in uses)]


def _of_cell(cell: Cell) -> Iterator[Use]:
    for path, spec in components(cell.settings):
        for inner in _leaves(spec):
            if not _is_engines(spec, inner):
                yield Use(cell, f"{path}.{inner}", path)
    for path in ("latent", "modality_dropout.site", "modality_dropout.patterns", "head.dropout"):
        if cell.has(path):
            yield Use(cell, path, path.partition(".")[0])


def _leaves(held: BaseModel) -> Iterator[str]:
    names = [*type(held).model_fields, *(held.model_extra or {})]
    for name in names:
        value = getattr(held, name)
        if isinstance(value, Spec):
            continue
        if isinstance(value, Settings):
            yield from (f"{name}.{inner}" for inner in _leaves(value))
        else:
            yield name


def _is_engines(spec: Spec, inner: str) -> bool:
    """Settings that the engine reads, which decide for themselves when they act."""
    first = inner.partition(".")[0]
    return first == "name" or (spec.kind == "loss" and first in ("weight", "warmup")) or inner == "width"
