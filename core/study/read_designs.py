"""Read the designs of a study: `ablations: {NAME: {KIND: ..., exclude: ..., when: ...}}`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast, get_args

from ..errors import nearest
from .axes import conditions
from .designs import Design, Grid, Subsets
from .kinds import READERS
from .labels import short_names
from .moments import at_moments
from .names import name_problem
from .plan import DesignKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .axes import Ground
    from .tree import Node

KINDS = cast("tuple[DesignKind, ...]", get_args(DesignKind))
_OWNERS: Mapping[str, tuple[DesignKind, ...]] = {
    "when": ("factorial", "zip"),
    "from": ("ladder",),
    "at": ("leave_one_out", "one_at_a_time", "subsets"),
}
"""{key: the kinds of design in which it has a meaning}."""


def read_designs(ground: Ground, node: Node) -> tuple[Design, ...]:
    """Every design that can be read; what is wrong with the others goes to the problems."""
    if not node.is_mapping:
        ground.problems.add(
            node.place, "expected a mapping of designs", "ablations", "such as {NAME: {subsets: all}}", code="BF304"
        )
        return ()
    read = [_design(ground, name, body) for name, body in node.children.items()]
    return tuple(design for design in read if design is not None)


def _design(ground: Ground, name: str, node: Node) -> Design | None:
    where = f"ablations.{name}"
    wrong = name_problem(name)
    if wrong:
        ground.problems.add(node.head, f"'{name}' {wrong}", "ablations", code="BF113")
    if not node.is_mapping:
        ground.problems.add(
            node.place, "expected a mapping with one kind of design", where, nearest("", KINDS), code="BF304"
        )
        return None
    kinds = [kind for kind in KINDS if kind in node.children]
    allowed = ["exclude", *(key for key, owners in _OWNERS.items() if set(kinds) & set(owners))]
    if len(kinds) != 1:
        both = f"{len(kinds)} kinds of design in one: {', '.join(kinds)}" if kinds else "no kind of design"
        ground.problems.check_keys(node, [*KINDS, "exclude", *_OWNERS], where)
        known = nearest("", KINDS)
        ground.problems.add(node.head, both, where, "make a design of each" if kinds else known, code="BF303")
        return None
    for key, child in node.children.items():
        if key in _OWNERS and key not in allowed:
            *first, last = _OWNERS[key]
            owners = f"{', '.join(first)} and {last}" if first else last
            ground.problems.add(
                child.head, f"`{key}` has no meaning for {kinds[0]}", where, f"it belongs to {owners}", code="BF303"
            )
    others = replace(node, value={key: child for key, child in node.children.items() if key not in _OWNERS})
    ground.problems.check_keys(others, [*kinds, *allowed], where)
    body = READERS[kinds[0]](ground, node, f"{where}.{kinds[0]}")
    body = at_moments(ground, body, node.within("at") if "at" in allowed else None, where)
    return _with_exclusions(ground, Design(name, kinds[0], node.head, body.rows, body.factors, body.leads), node, where)


def _with_exclusions(ground: Ground, design: Design, node: Node, where: str) -> Design:
    said = node.within("exclude")
    if said is None:
        return design
    where = f"{where}.exclude"
    known = _paths(design)
    entries = tuple(conditions(ground, entry, known, where) for entry in said.items or (said,))
    baseline = {path: ground.baseline_value(path) for path in known.values()}
    return replace(design, exclude=tuple(entry for entry in entries if entry), baseline=baseline)


def _paths(design: Design) -> dict[str, str]:
    """{what an exclusion may name: the path behind it}."""
    rows = design.rows
    if isinstance(rows, Grid):
        pairs = [(axis.factor, axis.path) for axis in rows.axes]
    elif isinstance(rows, Subsets):
        pairs = [*((modality, modality) for modality in rows.modalities), ("modalities", "modalities")]
    else:
        paths = [made.path for point in rows.points for made in point.assignments]
        pairs = [*((factor, factor) for factor in design.factors), *short_names(paths).items()]
        return {**{factor: factor for factor, _ in pairs if factor in design.factors}, **{path: path for path in paths}}
    return {**dict(pairs), **{path: path for _, path in pairs}}
