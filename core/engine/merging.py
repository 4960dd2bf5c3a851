"""Small groups of trials as one program: the modalities and terms of all, each trial with what it has not at zero.

A program of few trials uses a stack badly. Cells that differ only in which modalities take part and in which loss terms
are there can share the program of their union: absent modalities are masked, absent terms have the weight zero.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .structure import parts, program

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..specs import Spec
    from ..study.settings import CellSettings

_DIFFERS = ("modalities", "encoder", "losses")


def family(settings: CellSettings, *, with_modalities: bool) -> str:
    """What cells that share a program have in common; `with_modalities`, they also have the same modalities."""
    common = {name: part for name, part in parts(settings).items() if name not in _DIFFERS}
    return json.dumps([common, settings.modalities if with_modalities else None], sort_keys=True)


def union(cells: Iterable[CellSettings]) -> CellSettings | None:
    """The smallest cell that holds the modalities and terms of all `cells` of a family; None where there is none.

    A term or an encoder has one program in all of them, and all have them in one order: sums go by it.
    """
    distinct = list({json.dumps(parts(cell), sort_keys=True): cell for cell in cells}.values())
    modalities = _one_order([cell.modalities for cell in distinct])
    terms = _one_order([tuple(cell.losses) for cell in distinct])
    encoders = _agreed([cell.encoder for cell in distinct])
    losses = _agreed([cell.losses for cell in distinct])
    if modalities is None or terms is None or encoders is None or losses is None:
        return None
    return distinct[0].model_copy(
        update={
            "modalities": modalities,
            "encoder": {modality: encoders[modality] for modality in modalities},
            "losses": {term: losses[term] for term in terms},
        }
    )


def _one_order(orders: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
    """All names in an order that none of `orders` contradicts; None where there is none."""
    longest: tuple[str, ...] = max(orders, key=len)
    names = list(longest)
    for order in orders:
        place = 0
        for name in order:
            if name not in names:
                names.insert(place, name)
            place = names.index(name) + 1
    kept = [tuple(name for name in names if name in order) for order in orders]
    return tuple(names) if kept == list(orders) else None


def _agreed(every: Sequence[Mapping[str, Spec]]) -> dict[str, Any] | None:
    """{name: spec}; None where two specs of one name are two programs. A term that is on stands for one that is off."""
    found: dict[str, Spec] = {}
    for specs in every:
        for name, spec in specs.items():
            known = found.setdefault(name, spec)
            if program(known) != program(spec):
                return None
            if not getattr(known, "weight", 1.0):
                found[name] = spec
    return found
