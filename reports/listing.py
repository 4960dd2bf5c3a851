"""Plugins and plans as text for a person and as JSON for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.errors import PluginError, nearest
from ..core.specs import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..core.catalogue import Catalogue, Entry
    from ..core.study.plan import Plan, PlannedDesign

Listed = tuple[str, "Entry"]


def select(catalogue: Catalogue, kind: str | None, name: str | None) -> list[Listed]:
    """The plugins of a kind, or one of them, or all. Raises PluginError with the nearest kind or name."""
    kinds = [base.kind for base in KINDS]
    if kind is not None and kind not in kinds:
        raise PluginError(f"unknown kind of plugin '{kind}'; {nearest(kind, kinds)}")
    if kind is not None and name is not None:
        return [(kind, catalogue.entry(kind, name))]
    return [(known, entry) for known, entry in catalogue if kind in (None, known)]


def plugin_json(kind: str, entry: Entry) -> dict[str, Any]:
    """One plugin, with the keys of design section 7."""
    spec = entry.spec
    return {
        "kind": kind,
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "summary": _summary(entry),
        "needs": sorted(spec.needs),
        "gives": sorted(spec.gives),
        "stackable": spec.stackable,
        "fields": {
            name: {
                "type": _type(field.annotation),
                "default": _default(field),
                "doc": _one_line(field.description or ""),
            }
            for name, field in spec.model_fields.items()
            if name != "name"
        },
        "paper": spec.paper,
    }


def plugins_text(entries: Sequence[Listed]) -> str:
    """A line for each plugin, under its kind."""
    lines: list[str] = []
    width = max((len(entry.name) for _, entry in entries), default=0)
    last = ""
    for kind, entry in entries:
        if kind != last:
            lines += ["", kind] if lines else [kind]
            last = kind
        origin = f"{entry.distribution} {entry.version}".strip()
        lines.append(f"  {entry.name:<{width}}  {_summary(entry)} [{origin}]")
    return "\n".join(lines)


def plugin_text(kind: str, entry: Entry) -> str:
    """One plugin: what it is, what it needs and gives, its settings with defaults, its citation."""
    told = plugin_json(kind, entry)
    lines = [f"{kind} {entry.name} [{entry.distribution} {entry.version}]".replace(" ]", "]"), told["summary"]]
    lines += [f"{word}: {', '.join(told[word])}" for word in ("needs", "gives") if told[word]]
    lines += ["", "settings"]
    for name, field in told["fields"].items():
        lines += [f"  {name}: {field['default']!r}  ({field['type']})", f"      {field['doc']}"]
    return "\n".join([*lines, "", told["paper"]] if told["paper"] else lines)


def _summary(entry: Entry) -> str:
    return (entry.spec.__doc__ or "").strip().partition("\n")[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _type(annotation: object) -> str:
    return getattr(annotation, "__name__", "") or str(annotation).replace("typing.", "")


def _default(field: Any) -> Any:  # noqa: ANN401 - pydantic's FieldInfo and any JSON value
    value = field.get_default(call_default_factory=True, validated_data={})
    if hasattr(value, "resolved"):
        return value.resolved()
    return list(value) if isinstance(value, tuple) else value


def plan_json(plan: Plan, only: Collection[str], trials: int) -> dict[str, Any]:
    """The plan of the designs `only` (or all), with the keys of design section 7; nothing is trained in stacks."""
    designs: dict[str, list[str]] = {plan.baseline: []}
    for design in _chosen(plan, only):
        for row in design.rows:
            designs.setdefault(row.cell, []).append(design.name)
    return {
        "study": plan.study,
        "cells": [
            {"key": cell.key, "label": cell.label, "designs": designs[cell.key], "differs": cell.differs}
            for cell in plan.cells
            if cell.key in designs
        ],
        "trials": trials,
        "stacks": [],
    }


def _chosen(plan: Plan, only: Collection[str]) -> list[PlannedDesign]:
    return [design for design in plan.designs if not only or design.name in only]


def plan_text(plan: Plan, only: Collection[str], trials: int, pending: int) -> str:
    """Every cell of the designs `only` (or all) with what differs from the baseline, and how many trials there are."""
    chosen = _chosen(plan, only)
    num_cells = len({plan.baseline, *(row.cell for design in chosen for row in design.rows)})
    lines = [f"study {plan.study}: {num_cells} cells, {trials} trials, {pending} still to train"]
    cells = {cell.key: cell for cell in plan.cells}
    for design in chosen:
        lines.append(f"\n{design.name} ({design.kind}, {len(design.rows)} rows)")
        for row in design.rows:
            differs = ", ".join(f"{path}={_short(value)}" for path, value in cells[row.cell].differs.items())
            lines.append(f"  {row.cell}  {row.label}" + (f"  [{differs}]" if differs else ""))
    return "\n".join(lines)


def _short(value: object) -> str:
    if isinstance(value, list):
        return " + ".join(map(str, value))
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    return "removed" if value is None else str(value)
