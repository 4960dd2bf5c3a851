"""Every plot that a study has something for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.errors import StudyError, nearest
from . import cost, curves, forest, interactions, ranks, robustness, seeds, weights

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ..material import Material
    from .picture import Picture

KINDS: dict[str, Callable[[Material], Iterator[Picture]]] = {
    "forest": forest.pictures,
    "interactions": interactions.pictures,
    "seeds": seeds.pictures,
    "curves": curves.pictures,
    "robustness": robustness.pictures,
    "weights": weights.pictures,
    "cost": cost.pictures,
    "ranks": ranks.pictures,
}
"""{plot: what makes its pictures}, in the order of the page."""
NEEDS = {
    "forest": "a design whose systems are compared with the baseline",
    "interactions": "a factorial design with every combination done",
    "seeds": "a design whose systems are compared with the baseline",
    "curves": "trials that are done",
    "robustness": "a study with `evaluate:`, tested under conditions with a strength",
    "weights": "a fusion that gives weights",
    "cost": "two systems that are done, and recorded costs",
    "ranks": "a design with three or more methods on two or more data sets",
}
"""{plot: what a study must have for it}."""


def gallery(material: Material, kinds: Collection[str] = (), designs: Collection[str] = ()) -> list[Picture]:
    """The pictures of these kinds and designs, or of all. Raises StudyError for a name that is none."""
    for kind in kinds:
        if kind not in KINDS:
            raise StudyError(f"'{kind}' is no plot; {nearest(kind, list(KINDS))}")
    known = [design.name for design in material.plan.designs]
    for design in designs:
        if design not in known:
            raise StudyError(f"study '{material.plan.study}' has no design '{design}'; {nearest(design, known)}")
    found = [picture for kind, make in KINDS.items() if not kinds or kind in kinds for picture in make(material)]
    return [picture for picture in found if not designs or picture.about in designs]
