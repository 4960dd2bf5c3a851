"""Labels that read well in a table: `w/o contrastive`, `concat`, `lr=0.001, batch_size=64`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .limits import MAX_LABEL
from .tree import Node, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .grammar import Grammar
    from .plan import Level


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """{path: its shortest ending that no other of the paths has}."""
    split = {path: path.split(".") for path in paths}
    shared = Counter(tuple(parts[-n:]) for parts in split.values() for n in range(1, len(parts) + 1))
    names = {}
    for path, parts in split.items():
        size = next((n for n in range(1, len(parts)) if shared[tuple(parts[-n:])] == 1), len(parts))
        names[path] = ".".join(parts[-size:])
    return names


def told(value: object) -> str:
    """A value as a label says it: a component by its name, with what it sets. What is very long is cut."""
    text = _told(value)
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 3]}..."


def _told(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        rest = ", ".join(f"{key}={_told(inside)}" for key, inside in value.items() if key != "name")
        name = value.get("name")
        return rest if name is None else f"{name} ({rest})" if rest else str(name)
    if isinstance(value, list):
        return " + ".join(_told(item) for item in value)
    return str(value)


def label(path: str, short: str, value: Node, grammar: Grammar, baseline: Node) -> str:
    """`w/o contrastive` for null, the name of a component, else `lr=0.001`."""
    if value.value is None:
        return f"w/o {short}"
    slot = grammar.walk(baseline, path.split("."))
    if path in ("modalities", "encoder") or (slot is not None and slot.is_component):
        return told(plain(value))
    return f"{short}={told(plain(value))}"


def level(value: object) -> Level:
    """A value as a factor's level: numbers stay numbers."""
    return value if isinstance(value, bool | int | float | str) else told(value)


def distinct(labels: Mapping[str, str], qualified: Mapping[str, str]) -> dict[str, str]:
    """The labels, with the qualified one in place of each that stands twice."""
    counts = Counter(labels.values())
    return {key: qualified[key] if counts[text] > 1 else text for key, text in labels.items()}
