"""Can a setting matter? Change its value, keep every stream, and see whether anything moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from .harder import moves_later
from .values import is_choice, others

if TYPE_CHECKING:
    from ...study.cell import Cell
    from .prober import Prober


_LATER = 3
"""Values that are looked at a second time."""


class Influence(NamedTuple):
    """What became of the legal other values of a setting."""

    tried: tuple[Any, ...]
    """Other values that make a legal system."""
    moved: tuple[Any, ...]
    """Those of them with which something was computed differently."""

    @property
    def none(self) -> bool:
        """Whether there were other values, and none moved anything."""
        return bool(self.tried) and not self.moved


@dataclass
class Influences:
    """Influence of settings, each looked at once in systems that are alike."""

    prober: Prober
    _known: dict[tuple[str, str, bool], Influence] = field(default_factory=dict)
    _beyond: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def of(self, cell: Cell, path: str, *, every: bool = False) -> Influence:
        """The influence of the setting at `path`; `every` other value is tried, else those until one moves."""
        key = (cell.key, path, every)
        if key not in self._known:
            self._known[key] = self._look(cell, path, every=every)
        return self._known[key]

    def same_as_default(self, cell: Cell, path: str) -> object:
        """The default of a choice where the cell says something else and the default does just the same."""
        held, name = holder(cell, path)
        if held is None or not is_choice(held, name):
            return None
        default = type(held).model_fields[name].default
        if default == getattr(held, name) or default is None:
            return None
        found = self.of(cell, path, every=True)
        if default not in found.tried or default in found.moved or self._later(cell, path, (default,)):
            return None
        return default

    def beyond(self, cell: Cell, path: str) -> bool:
        """Whether a setting that moves nothing at first does so in other epochs, with other noise or larger numbers."""
        return self._later(cell, path, self.of(cell, path).tried[:_LATER])

    def _later(self, cell: Cell, path: str, values: tuple[Any, ...]) -> bool:
        key = (cell.key, path, repr(values))
        if key not in self._beyond:
            settings = [self.prober.changed(cell, path, value) for value in values]
            self._beyond[key] = moves_later(self.prober, cell, [one for one in settings if one is not None])
        return self._beyond[key]

    def _look(self, cell: Cell, path: str, *, every: bool) -> Influence:
        held, name = holder(cell, path)
        if held is None:
            return Influence((), ())
        tried: list[Any] = []
        moved: list[Any] = []
        for other in others(held, name):
            settings = self.prober.changed(cell, path, other)
            moves = None if settings is None else self.prober.moves(cell, settings)
            if moves is None:
                continue
            tried.append(other)
            if moves:
                moved.append(other)
                if not every:
                    break
        return Influence(tuple(tried), tuple(moved))


def holder(cell: Cell, path: str) -> tuple[BaseModel | None, str]:
    """The settings that have the field at the end of a path, and its name; None where the cell has none there."""
    held: object = cell.settings
    *way, name = path.split(".")
    for step in way:
        held = held.get(step) if isinstance(held, dict) else getattr(held, step, None)
    known = isinstance(held, BaseModel) and (name in type(held).model_fields or name in (held.model_extra or {}))
    return (held, name) if known and isinstance(held, BaseModel) else (None, name)
