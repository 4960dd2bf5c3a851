"""The kinds of design: what each makes of its body."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import nearest
from .assign import Assignment
from .axes import Ground, axes, conditions, text_of
from .designs import FULL, Axis, Grid, Listed, Point, Subsets
from .labels import short_names
from .limits import MAX_STEPS
from .messages import wrong_kind
from .tree import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .plan import DesignKind, Level

    _Part = tuple[str, str, Node, tuple[Assignment, ...]]
    """Label of the row, name of what is left out, where it stands, and how it is left out."""

BASELINE = "baseline"
START = "start"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a kind of design makes of its body."""

    rows: Listed | Grid | Subsets
    factors: tuple[str, ...] = ()
    leads: bool = False


def _leave_one_out(ground: Ground, node: Node, where: str) -> Rows:
    body = node.children["leave_one_out"]
    if body.items:
        entries = _listed_parts(ground, body, where)
    elif body.children:
        entries = []
        for label, child in body.children.items():
            ground.check_label(label, child, where)
            entries.append((label, _component(label), child, ground.assignments(child, f"{where}.{label}")))
    else:
        hint = "a list of paths, or {label: {path: value}}"
        ground.problems.add(body.head, f"expected what is left out: {hint}", where, code="BF304")
        entries = []
    if not _is_short(ground, body, len(entries), where):
        entries = []
    factors = tuple(component for _, component, _, _ in entries)
    rows = [Point(FULL, body.head, (), dict.fromkeys(factors, True))]
    for label, component, child, made in entries:
        if made:
            rows.append(Point(label, child.head, made, {factor: factor != component for factor in factors}))
    return Rows(Listed(tuple(rows)), tuple(dict.fromkeys(factors)), leads=True)


def _listed_parts(ground: Ground, body: Node, where: str) -> list[_Part]:
    """A part for each path of a list."""
    paths = [(item, str(item.value)) for item in body.items if isinstance(item.value, str)]
    for item in body.items:
        if not isinstance(item.value, str):
            ground.problems.take([wrong_kind(item, where, "a path")])
    names = short_names([text for _, text in paths])
    removals = ((item, names[path], _removal(ground, path, item, where)) for item, path in paths)
    return [(f"w/o {name}", name, item, (removed,)) for item, name, removed in removals if removed is not None]


def _removal(ground: Ground, path: str, item: Node, where: str) -> Assignment | None:
    """Null at the path; of `modalities.NAME` all modalities but that one."""
    around, _, name = path.partition(".")
    if around != "modalities" or not name:
        return Assignment(path, Node(None, item.place, item.place))
    if ground.modalities and name not in ground.modalities:
        ground.problems.unknown(item.place, "modality", name, ground.modalities, where, code="BF209")
        return None
    left = tuple(Node(other, item.place, item.place) for other in ground.modalities if other != name)
    return Assignment(around, Node(left, item.place, item.place))


def _is_short(ground: Ground, body: Node, number: int, where: str) -> bool:
    """Whether rows that each say something of all others are few enough."""
    if number > MAX_STEPS:
        ground.problems.add(body.head, f"{number} rows; at most {MAX_STEPS} are allowed here", where, code="BF312")
    return number <= MAX_STEPS


def _component(label: str) -> str:
    """`contrastive` for `without contrastive`."""
    for start in ("without ", "w/o ", "no ", "- "):
        if label.lower().startswith(start):
            return label[len(start) :].strip() or label
    return label


def _one_at_a_time(ground: Ground, node: Node, where: str) -> Rows:
    body = node.children["one_at_a_time"]
    found = axes(ground, body, where)
    texts = {(a.path, n): choice.label for a in found for n, choice in enumerate(a.choices)}
    repeated = {text for text, number in Counter(texts.values()).items() if number > 1}
    rows = [Point(_baseline_label(ground, found), body.head)]
    for one in found:
        for choice in one.choices:
            if choice.assignment is not None:
                text = f"{one.factor}={choice.label}" if choice.label in repeated else choice.label
                rows.append(Point(text, choice.assignment.value.place, (choice.assignment,)))
    return Rows(Listed(tuple(rows)), leads=True)


def _baseline_label(ground: Ground, found: Sequence[Axis]) -> str:
    """`low_rank (baseline)` where one path alone varies and the baseline's value of it is short to say."""
    value = ground.baseline_value(found[0].path) if len(found) == 1 else None
    name = value.get("name") if isinstance(value, dict) else None
    if isinstance(name, str):
        return f"{name} ({BASELINE})"
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return f"{found[0].factor}={value} ({BASELINE})"
    return BASELINE


def _grid(ground: Ground, node: Node, where: str, *, parallel: bool) -> Rows:
    body = node.children["zip" if parallel else "factorial"]
    found = list(axes(ground, body, where))
    if parallel and len({len(one.choices) for one in found}) > 1:
        told = ", ".join(f"{one.path} {len(one.choices)}" for one in found)
        ground.problems.add(
            body.head, f"lists of different lengths: {told}", where, "zip pairs them one by one", code="BF305"
        )
    said = node.within("when")
    order: tuple[int, ...] = ()
    if said is not None:
        order = _apply_when(ground, found, said, where.rpartition(".")[0] + ".when")
    grid = Grid(tuple(found), body.head, parallel, order)
    return Rows(grid, () if parallel else tuple(one.factor for one in found))


def _apply_when(ground: Ground, found: list[Axis], said: Node, where: str) -> tuple[int, ...]:
    """Put the conditions on their axes; the conditional axes in an order in which they can be looked at."""
    names = {name: one.path for one in found for name in (one.factor, one.path)}
    number = {one.path: n for n, one in enumerate(found)}
    if not said.is_mapping:
        ground.problems.add(said.place, "expected {path: {other path: values}}", where, code="BF304")
    for key, child in said.children.items():
        if key not in names:
            ground.problems.add(
                child.head, f"'{key}' does not vary in this design", where, nearest(key, list(names)), code="BF306"
            )
            continue
        own = number[names[key]]
        made = conditions(ground, child, names, f"{where}.{key}", own=names[key])
        found[own] = replace(found[own], when=tuple((number[condition.path], condition) for condition in made))
    order: list[int] = []
    waiting = [n for n, one in enumerate(found) if one.when]
    while waiting:
        ready = [n for n in waiting if not any(other in waiting for other, _ in found[n].when)]
        if not ready:
            told = ", ".join(found[n].path for n in waiting)
            ground.problems.add(said.head, f"these depend on each other in a circle: {told}", where, code="BF306")
            break
        order += ready
        waiting = [n for n in waiting if n not in ready]
    return tuple(order)


def _subsets(ground: Ground, node: Node, where: str) -> Rows:
    body = node.children["subsets"]
    every = tuple(range(1, len(ground.modalities) + 1))
    rows: Subsets | Listed = Subsets(ground.modalities, every, body)
    wrong = None
    if body.items:
        rows = _listed_subsets(ground, body, where)
    elif body.children.keys() == {"sizes"}:
        asked = body.children["sizes"]
        sizes = asked.items or (asked,)
        wrong = next((item for item in sizes if item.value not in every or isinstance(item.value, bool)), None)
        rows = Subsets(ground.modalities, tuple(size for size in every if size in [s.value for s in sizes]), body)
        if wrong is not None and every:
            ground.problems.add(
                wrong.place, f"a size is a number from 1 to {len(every)}", f"{where}.sizes", code="BF203"
            )
    elif body.value != "all":
        hint = "expected `all`, {sizes: [1, 2]}, or a list of lists of modalities"
        ground.problems.add(body.place, hint, where, code="BF304")
    return Rows(rows, ground.modalities, leads=True)


def _listed_subsets(ground: Ground, body: Node, where: str) -> Listed:
    maker = Subsets(ground.modalities, (), body)
    points = [maker.point(ground.modalities, body, baseline=True)]
    order = {name: number for number, name in enumerate(ground.modalities)}
    for item in body.items:
        words = [word.value for word in item.items or (item,) if isinstance(word.value, str)]
        for word in item.items or (item,):
            if not isinstance(word.value, str):
                ground.problems.take([wrong_kind(word, where, "the name of a modality")])
            elif order and word.value not in order:
                ground.problems.unknown(word.place, "modality", word.value, ground.modalities, where, code="BF209")
        subset = tuple(sorted(dict.fromkeys(word for word in words if word in order), key=order.__getitem__))
        if subset and subset != ground.modalities:
            points.append(maker.point(subset, item))
    return Listed(tuple(points))


def _cells(ground: Ground, node: Node, where: str) -> Rows:
    body = node.children["cells"]
    points = []
    if not body.items:
        ground.problems.add(body.head, "expected a list of {label: ..., set: {path: value}}", where, code="BF304")
    for item in body.items:
        point = _step(ground, item, where, ())
        if point is not None:
            points.append(point)
    return Rows(Listed(tuple(points)))


def _step(ground: Ground, item: Node, where: str, before: tuple[Assignment, ...]) -> Point | None:
    """`{label: ..., set: {path: value}}`, or `{LABEL: {path: value}}`, after the assignments `before`."""
    if "set" in item.children or "label" in item.children:
        ground.problems.check_keys(item, ["label", "set"], where)
        given = item.within("set")
        if given is None:
            ground.problems.add(item.head, "`set` is missing", where, code="BF304")
            return None
        made = ground.assignments(given, f"{where}.set")
        named = item.within("label")
        text = text_of(ground, named, f"{where}.label") if named is not None else ground.tell(made)
        return Point(text or BASELINE, item.head, (*before, *made)) if made else None
    if len(item.children) == 1:
        ((label, child),) = item.children.items()
        ground.check_label(label, child, where)
        made = ground.assignments(child, f"{where}.{label}")
        return Point(label, child.head, (*before, *made)) if made else None
    ground.problems.add(
        item.place, "expected {label: ..., set: {path: value}}, or {LABEL: {path: value}}", where, code="BF304"
    )
    return None


def _ladder(ground: Ground, node: Node, where: str) -> Rows:
    body = node.children["ladder"]
    start = node.within("from")
    items = list(body.items)
    if items and items[0].children.keys() == {"from"}:
        first = items.pop(0)
        if start is not None:
            ground.problems.add(first.head, "the ladder has two starts", where, "keep one `from`", code="BF304")
        start = first.children["from"]
    if not items:
        ground.problems.add(body.head, "expected a list of steps: {LABEL: {path: value}}", where, code="BF304")
    if not _is_short(ground, body, len(items), where):
        items = []
    points: list[Point] = [_start(ground, start, body, where)]
    for item in items:
        point = _step(ground, item, where, points[-1].assignments)
        if point is not None:
            points.append(point)
    names = [point.label.removeprefix("+").strip() for point in points[1:]]
    rows = []
    for reached, point in enumerate(points):
        levels: dict[str, Level] = {name: number < reached for number, name in enumerate(names)}
        rows.append(replace(point, levels=levels))
    return Rows(Listed(tuple(rows)), tuple(dict.fromkeys(names)))


def _start(ground: Ground, start: Node | None, body: Node, where: str) -> Point:
    if start is None:
        return Point(BASELINE, body.head)
    if "set" in start.children:
        return _step(ground, start, f"{where}.from", ()) or Point(START, start.head)
    return Point(START, start.head, ground.assignments(start, f"{where}.from"))


READERS: Mapping[DesignKind, Callable[[Ground, Node, str], Rows]] = {
    "leave_one_out": _leave_one_out,
    "one_at_a_time": _one_at_a_time,
    "factorial": lambda ground, node, where: _grid(ground, node, where, parallel=False),
    "ladder": _ladder,
    "subsets": _subsets,
    "zip": lambda ground, node, where: _grid(ground, node, where, parallel=True),
    "cells": _cells,
}
