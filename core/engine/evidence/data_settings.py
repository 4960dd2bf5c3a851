"""Settings of a data set from outside that nobody reads: it is loaded once more, under watch.

What comes with butfor is held to reading all of its own by its tests, and may be large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .influence import holder
from .reads import Reads
from .unread import each, nearest
from .values import others
from .written import Use

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...evidence import Evidence
    from ...specs import DatasetSpec
    from ...study.cell import Cell
    from .prober import Prober

_OWN = f"{__name__.partition('.')[0]}.plugins."
_TRIED = 2
"""Other values of a setting that the data are loaded with before it is said that nobody reads it."""


def idle_data_settings(prober: Prober, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """What is written of a data set and changes nothing of it."""
    alike: dict[str, list[Cell]] = {}
    for cell in cells:
        if not type(cell.settings.dataset).__module__.startswith(_OWN):
            alike.setdefault(cell.data_key, []).append(cell)
    for some in alike.values():
        for inner, said in _unread(prober, some[0]):
            spec = some[0].settings.dataset
            told = f"no code reads '{inner}': {spec.kind} '{spec.name}' {said}"
            uses = [Use(cell, f"dataset.{inner}", "dataset") for cell in some]
            yield from each(uses, "unread setting", told, "BF704")


def _unread(prober: Prober, cell: Cell) -> Iterator[tuple[str, str]]:
    """The path of each such setting, and what the data set does with it; nothing where it cannot be loaded again."""
    spec = cell.settings.dataset.model_copy()
    digest, reads = _loaded(spec)
    for way in reads.unread(spec) if digest else ():
        inner = ".".join(way)
        held, name = holder(cell, f"dataset.{inner}")
        if held is not None and name in (held.model_extra or {}):
            yield inner, f"has no such setting, and takes it{nearest(name, held)}"
            continue
        legal = (prober.changed(cell, f"dataset.{inner}", other) for other in (others(held, name) if held else ()))
        found = [_loaded(settings.dataset)[0] for settings in [one for one in legal if one is not None][:_TRIED]]
        if found and all(other == digest for other in found):
            yield inner, "never reads it"


def _loaded(spec: DatasetSpec) -> tuple[str, Reads]:
    """What the data are known by, empty where they cannot be loaded; and what was read on the way."""
    with Reads() as reads:
        try:
            spec.modality_names()
            return spec.load().digest(), reads
        except Exception:  # noqa: BLE001 - whatever a plugin raises for values nobody wrote
            return "", reads
