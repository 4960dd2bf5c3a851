"""What differs between two cells, as paths and values that a table can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .tree import Node, lookup, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def differences(base: Mapping[str, Any], other: Mapping[str, Any], tree: Node) -> dict[str, Any]:
    """{path: value in `other`}; None for a loss term that is gone. `tree` is the tree of `other`, as it was written.

    A component that is another one is a single difference, told as it was written. Encoders of modalities that only
    one cell has follow from `modalities`; a change that all encoders share is told once, as `encoder.width`.
    """
    found: dict[str, Any] = {}
    for key in dict.fromkeys((*base, *other)):
        if key == "encoder":
            found |= _encoders(base[key], other[key], tree)
        else:
            found |= dict(_walk(base.get(key), other.get(key), key, tree))
    return found


def _walk(base: object, other: object, path: str, tree: Node) -> Iterator[tuple[str, Any]]:
    if base == other and type(base) is type(other):
        return
    if not isinstance(base, dict) or not isinstance(other, dict) or _named(base) != _named(other):
        yield path, _written(other, path, tree)
        return
    for key in dict.fromkeys((*base, *other)):
        if key not in other:
            yield f"{path}.{key}", None
        elif key not in base:
            yield f"{path}.{key}", _written(other[key], f"{path}.{key}", tree)
        else:
            yield from _walk(base[key], other[key], f"{path}.{key}", tree)


def _named(value: dict[str, Any]) -> tuple[object, object]:
    return value.get("name"), value.get("scheme")


def _written(value: object, path: str, tree: Node) -> object:
    """The value as the study says it, shortest first; settings that it does not say are defaults."""
    node = lookup(tree, path)
    said = plain(node) if node is not None and isinstance(value, dict) else value
    return said["name"] if isinstance(said, dict) and set(said) == {"name"} else said


def _encoders(base: Mapping[str, Any], other: Mapping[str, Any], tree: Node) -> dict[str, Any]:
    shared = [modality for modality in other if modality in base]
    found = {m: dict(_walk(base[m], other[m], f"encoder.{m}", tree)) for m in shared}
    tails = {m: {path.removeprefix(f"encoder.{m}"): value for path, value in found[m].items()} for m in shared}
    everywhere = tails[shared[0]] if shared and len(shared) == len(base) else {}
    common = {tail: value for tail, value in everywhere.items() if all(t.get(tail, t) == value for t in tails.values())}
    told = {f"encoder{tail}": value for tail, value in common.items()}
    for modality in shared:
        told |= {f"encoder.{modality}{tail}": value for tail, value in tails[modality].items() if tail not in common}
    for modality in other:
        if modality not in base:
            told[f"encoder.{modality}"] = _written(other[modality], f"encoder.{modality}", tree)
    return told
