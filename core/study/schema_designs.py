"""JSON Schema of `ablations`: the kinds of design, what each takes, and what may stand beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from .moments import MOMENTS
from .plan import DesignKind
from .schema_models import PART, having, hover, reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .schema_generator import Json

_TOLD: Mapping[DesignKind, str] = {
    "leave_one_out": "The full system, and one row for each part that is left out: a list of paths that become "
    "null, or `{label: {path: value}}`.",
    "one_at_a_time": "The baseline, then each value of each path alone: `{path: [values]}`.",
    "factorial": "Every combination: `{path: [values]}`; `keep` is the baseline's value.",
    "ladder": "Cumulative: a start (`from`), then one step after the other, each on top of those before.",
    "subsets": "Sets of modalities: `all`, `{sizes: [1, 2]}`, or a list of lists of modalities.",
    "zip": "Values that go together: the first of each list, the second of each, and so on.",
    "cells": "Single systems: a list of `{label: ..., set: {path: value}}`.",
}
_EXCLUDE = (
    "Rows to leave out: `{path or factor: value or values}`, or a list of such; a row goes where all of one holds."
)
_WHEN = "Lets a path vary only where another has some value: `{path: {other path: values}}`."
_AT = (
    "When modalities are taken away: `train` trains anew without them (the default), `test` tests the trained baseline "
    "without them and trains nothing; `[train, test]` gives both rows."
)
_FROM = "Where the ladder starts: `{path: value}`; without it, at the baseline."


def design_definitions() -> Json:
    """`design` and what it is made of; `design.part` is one that is laid over a design of an included file."""
    bodies = _bodies()
    assert set(bodies) == set(get_args(DesignKind))
    properties: Json = {kind: bodies[kind] | hover(_TOLD[kind]) for kind in bodies}
    properties["exclude"] = {"allOf": [reference("exclusions")]} | hover(_EXCLUDE)
    properties["when"] = {"type": "object", "additionalProperties": reference("conditions")} | hover(_WHEN)
    properties["from"] = {"allOf": [reference("start")]} | hover(_FROM)
    moment: Json = {"enum": list(MOMENTS)}
    properties["at"] = {"anyOf": [moment, _some(moment) | {"uniqueItems": True}]} | hover(_AT)
    shape: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    timed = {"anyOf": [{"required": [kind]} for kind in ("leave_one_out", "one_at_a_time", "subsets")]}
    conditional = {"anyOf": [{"required": ["factorial"]}, {"required": ["zip"]}]}
    design = shape | {
        "oneOf": [{"required": [kind]} for kind in bodies],
        "dependencies": {"when": conditional, "from": ["ladder"], "at": timed},
    }
    return {
        "design": design,
        "design" + PART: {"anyOf": [shape, {"type": "null"}]},
        "label": {"type": "string", "pattern": r"\S"},
        "step": _step(),
        "start": {
            "if": having("set"),
            "then": reference("step"),
            "else": reference("assignments"),
        },
        "conditions": {"type": "object", "minProperties": 1},
        "exclusions": {"anyOf": [reference("conditions"), _some(reference("conditions"))]},
    }


def _bodies() -> dict[DesignKind, Json]:
    modality: Json = {"type": "string"}
    size: Json = {"type": "integer", "minimum": 1}
    sizes: Json = {
        "type": "object",
        "properties": {"sizes": {"anyOf": [size, _some(size)]}},
        "required": ["sizes"],
        "additionalProperties": False,
    }
    left_out: Json = {"type": "object", "minProperties": 1, "additionalProperties": reference("assignments")}
    rung: Json = {
        "if": having("from"),
        "then": {
            "type": "object",
            "properties": {"from": reference("start")},
            "maxProperties": 1,
        },
        "else": reference("step"),
    }
    return {
        "leave_one_out": {"anyOf": [_some(reference("removed")) | {"uniqueItems": True}, left_out]},
        "one_at_a_time": {"allOf": [reference("axes")]},
        "factorial": {"allOf": [reference("axes")]},
        "ladder": _some(rung),
        "subsets": {"anyOf": [{"const": "all"}, sizes, _some({"anyOf": [modality, _some(modality)]})]},
        "zip": {"allOf": [reference("axes")]},
        "cells": _some(reference("step")),
    }


def _step() -> Json:
    """`{label: ..., set: {path: value}}`, or `{LABEL: {path: value}}`."""
    written = {
        "type": "object",
        "properties": {"label": reference("label"), "set": reference("assignments")},
        "required": ["set"],
        "additionalProperties": False,
    }
    short = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": reference("assignments"),
    }
    return {"if": {"anyOf": [having("set"), having("label")]}, "then": written, "else": short}


def _some(item: Json) -> Json:
    return {"type": "array", "minItems": 1, "items": item}
