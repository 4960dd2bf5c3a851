"""A study as a tree whose every value remembers its place: merging and assigning keep file, line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Finding, StudyError
from ..specs import Settings
from .codes import severity_of
from .limits import MAX_DEPTH

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1, and line 0 says that there is no place."""

    file: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and where it stands. Never changed in place: every edit makes a new node and shares what it keeps."""

    value: Mapping[str, Node] | tuple[Node, ...] | Scalar
    place: Place = Place()
    key: Place | None = None
    """Where the key stands, for a value of a mapping."""

    @property
    def children(self) -> Mapping[str, Node]:
        """{key: value} of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """Items of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def is_mapping(self) -> bool:
        """Whether this is a mapping, empty ones included."""
        return isinstance(self.value, Mapping)

    @property
    def head(self) -> Place:
        """Where to point for what is wrong with the whole or missing in it: the key, else the value."""
        return self.key or self.place

    @property
    def name(self) -> str | None:
        """The component that this names: a bare word, or a mapping's `name`."""
        if isinstance(self.value, str):
            return self.value
        said = self.children.get("name")
        return said.value if said is not None and isinstance(said.value, str) else None

    @property
    def size(self) -> int:
        """Number of values and keys in it, itself included."""
        return 1 + sum(1 + child.size for child in self.children.values()) + sum(item.size for item in self.items)

    def within(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        return self.children.get(key)

    def having(self, key: str, child: Node | None) -> Node:
        """A copy of this mapping with `key` set in its old position, or left out for None."""
        value = dict(self.children)
        if child is None:
            value.pop(key, None)
        else:
            value[key] = child
        return replace(self, value=value)


def plain(node: Node) -> object:
    """The value without places: dict, list and scalars."""
    if isinstance(node.value, Mapping):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    return node.value


def from_python(value: object, place: Place = Place(), depth: int = 0) -> Node:
    """A tree from mappings, lists, scalars, paths and specs. Raises StudyError for anything else."""
    if depth > MAX_DEPTH:
        raise StudyError(at(place, f"nested deeper than {MAX_DEPTH} levels", code="BF105"))
    if isinstance(value, Settings):
        value = value.resolved()
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise StudyError(at(place, f"key {key!r} must be a word", code="BF104"))
        return Node({key: from_python(child, place, depth + 1) for key, child in value.items()}, place, place)
    if isinstance(value, list | tuple):
        return Node(tuple(from_python(item, place, depth + 1) for item in value), place)
    if value is None or isinstance(value, str | int | float | bool):
        return Node(value, place)
    raise StudyError(at(place, f"{value!r} of type {type(value).__name__} cannot stand in a study", code="BF114"))


def lookup(tree: Node, path: str) -> Node | None:
    """The node at a dotted path, or None."""
    node: Node | None = tree
    for part in path.split("."):
        node = node.within(part) if node is not None else None
    return node


def at(place: Place, message: str, path: str = "", remedy: str = "", *, code: str, explanation: str = "") -> Finding:
    """A finding at a place; how grave it is follows from its code."""
    return Finding(
        message,
        place.file,
        place.line,
        place.column,
        path,
        code,
        severity=severity_of(code),
        remedy=remedy,
        explanation=explanation,
    )
