"""Plugins as text for a person and as JSON for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.errors import PluginError, nearest
from ..core.specs import KINDS
from .text import json_text, plain
from .text import lines as as_lines
from .type_words import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo

    from ..core.catalogue import Catalogue, Entry

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
        "module": spec.__module__,
        "summary": _summary(entry),
        "needs": sorted(spec.needs),
        "gives": sorted(spec.gives),
        "stackable": spec.stackable,
        "fields": {
            name: {"type": in_words(field), "default": _default(field), "doc": plain(field.description or "")}
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
        lines.append(f"  {entry.name:<{width}}  {_summary(entry)} [{_origin(entry)}]")
    return "\n".join(lines)


def plugin_text(kind: str, entry: Entry) -> str:
    """One plugin: what it is, what it needs and gives, its settings with defaults, its citation."""
    told = plugin_json(kind, entry)
    lines = [f"{kind} {entry.name} [{_origin(entry)}]", told["summary"], f"module: {plain(told['module'])}"]
    lines += [f"{word}: {', '.join(told[word])}" for word in ("needs", "gives") if told[word]]
    if kind in ("encoder", "fusion", "loss"):
        lines.append(f"trained in stacks: {'yes' if told['stackable'] else 'no, one trial at a time'}")
    lines += ["", "settings"] if told["fields"] else ["", "no settings"]
    for name, field in told["fields"].items():
        lines += [f"  {name}: {json_text(field['default'], None)}  ({field['type']})", f"      {field['doc']}"]
    return as_lines("\n".join([*lines, "", told["paper"]] if told["paper"] else lines))


def _origin(entry: Entry) -> str:
    return plain(f"{entry.distribution} {entry.version}")


def _summary(entry: Entry) -> str:
    return plain((entry.spec.__doc__ or "").strip().partition("\n")[0])


def _default(field: FieldInfo) -> object:
    value = field.get_default(call_default_factory=True, validated_data={})
    if hasattr(value, "resolved"):
        return value.resolved()
    return list(value) if isinstance(value, tuple) else value
