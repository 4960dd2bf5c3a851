"""`at: train | test`: rows without a modality are trained anew, or are the trained baseline tested without it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from ..errors import nearest
from .designs import TEST, TRAIN, Listed, Moment, Subsets
from .messages import said
from .tree import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .assign import Assignment
    from .axes import Ground
    from .designs import Point
    from .kinds import Rows
    from .tree import Node

MOMENTS: tuple[Moment, ...] = get_args(Moment)


def at_moments(ground: Ground, rows: Rows, node: Node | None, where: str) -> Rows:
    """The rows at each of the moments that `at` names; by default all are trained."""
    moments = _moments(ground, node, where) if node is not None else (TRAIN,)
    if TEST not in moments:
        return rows
    if isinstance(rows.rows, Subsets):
        return replace(rows, rows=replace(rows.rows, moments=moments))
    points: list[Point] = []
    for point in rows.rows:
        removed = _removed(ground, point, where)
        if removed is not None:
            points += point.at(moments, removed)
    return replace(rows, rows=Listed(tuple(points)))


def _moments(ground: Ground, node: Node, where: str) -> tuple[Moment, ...]:
    found: dict[Moment, None] = {}
    for item in node.items or (node,):
        moment = next((one for one in MOMENTS if one == item.value), None)
        if moment is None:
            near = nearest(item.value, MOMENTS) if isinstance(item.value, str) else ""
            remedy = near if near.startswith("did you mean") else ""
            message = f"expected `train`, `test` or a list of both, got {said(plain(item))}"
            ground.problems.add(item.place, message, f"{where}.at", remedy, code="BF204")
        elif moment in found:
            ground.problems.add(item.place, f"'{moment}' stands here twice", f"{where}.at", "remove one", code="BF309")
        else:
            found[moment] = None
    return tuple(found)


def _removed(ground: Ground, point: Point, where: str) -> tuple[str, ...] | None:
    """The modalities of the baseline that a row is without, in their order; None where it is no row of that kind."""
    removed: tuple[str, ...] = ()
    wrong = False
    for made in point.assignments:
        message = _why_not(ground, made)
        if message:
            ground.problems.add(made.value.head, message, f"{where}.at", "leave `at` out", code="BF319")
            wrong = True
        else:
            kept = set(_words(made))
            removed = tuple(name for name in ground.modalities if name not in kept)
    return None if wrong else removed


def _why_not(ground: Ground, made: Assignment) -> str:
    """Why what an assignment changes cannot be changed in a trained system; empty where it can."""
    if made.path != "modalities":
        return f"'{made.path}' cannot be taken away at test time: only modalities can"
    added = [name for name in _words(made) if name not in ground.modalities]
    return f"modality '{added[0]}' cannot be added at test time: the baseline does not read it" if added else ""


def _words(made: Assignment) -> Iterator[str]:
    return (item.value for item in made.value.items if isinstance(item.value, str))
