"""What pydantic found, in plain words and with the place in the file: one finding for each value that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import Finding, nearest
from .installed import installed
from .locate import locate
from .tree import Node, at, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from ..catalogue import Catalogue
    from .grammar import Grammar, Slot

_LONGEST = 60
_MANY = 10**18
_KINDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "none": "null",
    "path": "a path",
}
_SPECIAL = {
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
    "none_required": "null",
    "model_attributes_type": "a mapping",
    "union_tag_not_found": "a mapping with `name`",
}
_BOUNDS = (("gt", "greater than"), ("ge", "of at least"), ("lt", "less than"), ("le", "of at most"))
_BOUND_ERRORS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_PYDANTIC_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_PYDANTIC_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})


def translate(error: ValidationError, tree: Node, grammar: Grammar, root: Slot, title: str) -> Iterator[Finding]:
    """Findings of a validation of `plain(tree)` as `root`. `title` names the whole tree where it is itself to blame."""
    grouped: dict[tuple[str, ...], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        grouped.setdefault(locate(tree, details["loc"])[1], []).append(details)
    for path, several in grouped.items():
        node, _, found = locate(tree, path)
        first = several[0]
        if first["type"] == "missing":
            yield _missing(node, path, title)
        elif first["type"] == "extra_forbidden":
            slot = grammar.walk(tree, path[:-1], root)
            around, _, _ = locate(tree, path[:-1])
            known = list(grammar.children(slot, around)) if slot is not None else []
            yield at(node.head, "unknown setting", shown(tree, path), nearest(path[-1], known, most=20), code="BF201")
        else:
            slot = grammar.walk(tree, path, root)
            yield _wrong(node, shown(tree, path), several, slot, grammar.catalogue, found=found)


def shown(tree: Node, path: Sequence[str]) -> str:
    """The path as the file says it: `encoder.width` where one encoder was written for all modalities."""
    encoders = tree.within("encoder")
    if len(path) > 1 and path[0] == "encoder" and encoders is not None:
        places = [locate(child, path[2:])[0].place for child in encoders.children.values()]
        if len(places) > 1 and len(set(places)) == 1 and places[0].line:
            path = (path[0], *path[2:])
    return ".".join(path)


def coerced(tree: Node, resolved: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node, str]]:
    """(path, node, wanted) of what pydantic would bend: the word `no` to false, `true` to 1, the word `10` to 10."""
    if isinstance(resolved, dict):
        for key, child in tree.children.items():
            if key in resolved:
                yield from coerced(child, resolved[key], (*path, key))
    elif isinstance(resolved, list) and len(resolved) == len(tree.items):
        for number, (item, value) in enumerate(zip(tree.items, resolved, strict=True)):
            yield from coerced(item, value, (*path, str(number)))
    elif isinstance(tree.value, str) and _is_bent(tree.value, resolved):
        wanted = "a whole number" if isinstance(resolved, int) else "a number"
        yield path, tree, "true or false" if isinstance(resolved, bool) else wanted
    elif isinstance(tree.value, bool) and isinstance(resolved, int | float) and not isinstance(resolved, bool):
        yield path, tree, "a number"
    elif isinstance(tree.value, int | float) and not isinstance(tree.value, bool) and isinstance(resolved, bool):
        yield path, tree, "true or false"


def _is_bent(word: str, resolved: object) -> bool:
    if isinstance(resolved, bool):
        return word.lower() in (_PYDANTIC_TRUE if resolved else _PYDANTIC_FALSE)
    if not isinstance(resolved, int | float):
        return False
    try:
        return float(word) == float(resolved)
    except (ValueError, OverflowError):
        return False


def round_number(value: int) -> str:
    """A number as a message says it, however large."""
    return str(value) if value < _MANY else f"more than 10^{(value.bit_length() - 1) * 3 // 10}"


def said(value: object) -> str:
    """A value as a message quotes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        inside = ", ".join(str(key) for key in value)
        return f"a mapping with {inside}"[:_LONGEST] if value else "an empty mapping"
    text = f".{value}" if isinstance(value, float) and value in (float("inf"), float("nan")) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def wrong_kind(node: Node, path: str, wanted: str) -> Finding:
    """`expected a number, got 'hot'`."""
    quoted = isinstance(node.value, str) and wanted in ("a number", "a whole number") and node.value[:1].isdigit()
    remedy = "write it without quotes or underscores" if quoted else ""
    return at(node.place, f"expected {wanted}, got {said(plain(node))}", path, remedy, code="BF202")


def _missing(node: Node, path: tuple[str, ...], title: str) -> Finding:
    return at(node.head, f"`{path[-1]}` is missing", ".".join(path[:-1]) or title, code="BF206")


def _wrong(
    node: Node, path: str, several: list[ErrorDetails], slot: Slot | None, catalogue: Catalogue, *, found: bool
) -> Finding:
    first = several[0]
    told = next((details for details in several if details["type"] in ("value_error", "assertion_error")), None)
    if told is not None:
        return _told(node, path, told, slot, catalogue)
    if first["type"] == "union_tag_invalid":
        return _other_name(node, path, first["ctx"])
    kind = (slot.element or slot).kind if slot is not None else None
    if found and node.value is None and kind is not None:
        return at(node.place, "cannot be removed", path, f"choose another {kind.kind}", code="BF207")
    phrases = dict.fromkeys(_wanted(details, slot) for details in several)
    value = plain(node) if found else first["input"]
    expected = " or ".join(phrases)
    if first["type"] == "literal_error" and isinstance(value, str):
        near = nearest(value, _choices(first.get("ctx", {})))
        remedy = near if near.startswith("did you mean") else ""
        return at(node.place, f"expected {expected}, got {said(value)}", path, remedy, code="BF204")
    return at(node.place, f"expected {expected}, got {said(value)}", path, code=_code_of(several))


def _other_name(node: Node, path: str, context: Mapping[str, Any]) -> Finding:
    """A name that none of the settings that may stand here has."""
    known = [word.strip(" '") for word in context["expected_tags"].split(",")]
    place = (node.within("name") or node).place
    listed = ", ".join(f"'{word}'" for word in known)
    near = nearest(context["tag"], known)
    return at(
        place, f"expected one of {listed}, got '{context['tag']}'", path, near if "mean" in near else "", code="BF204"
    )


def _told(node: Node, path: str, details: ErrorDetails, slot: Slot | None, catalogue: Catalogue) -> Finding:
    """A validator's own words; for a component they are about its name."""
    words = str(details.get("ctx", {}).get("error", details["msg"]))
    kind = slot.kind if slot is not None else None
    if kind is None:
        return at(node.head if node.is_mapping else node.place, words, path, code="BF208")
    if node.value is None:
        return at(node.place, "cannot be removed", path, f"choose another {kind.kind}", code="BF207")
    name = node.within("name")
    message, _, remedy = words.partition("; ")
    unknown = message.startswith(f"unknown {kind.kind} '")
    if not unknown and not message.startswith("expected the name"):
        return at(node.head, words, path, code="BF208")
    place = name.place if name is not None else node.head if node.is_mapping else node.place
    if not unknown:
        return at(place, message, path, remedy, code="BF202")
    return at(place, message, path, remedy, code="BF205", explanation=installed(catalogue, kind.kind))


def _code_of(several: Sequence[ErrorDetails]) -> str:
    """A number outside its bounds, a word that is no choice, or a value of the wrong kind."""
    kinds = {details["type"] for details in several}
    if kinds <= {*_BOUND_ERRORS, "finite_number"}:
        return "BF203"
    return "BF204" if "literal_error" in kinds else "BF202"


def _choices(context: Mapping[str, Any]) -> list[str]:
    return [word.strip("' ") for word in str(context.get("expected", "")).replace(" or ", ",").split(",")]


def _wanted(details: ErrorDetails, slot: Slot | None) -> str:
    """What would be right, in words: `a number greater than 0`."""
    kind, context = details["type"], details.get("ctx", {})
    base = _SPECIAL.get(kind) or _KINDS.get(kind.rsplit("_", 1)[0])
    if kind in _BOUND_ERRORS:
        key = _BOUND_ERRORS[kind]
        base = "a whole number" if slot is not None and slot.is_whole else "a number"
        return f"{base} {_bounds(slot) or f'{dict(_BOUNDS)[key]} {context[key]:g}'}"
    if base is not None:
        return f"{base} {_bounds(slot)}".rstrip() if "number" in base else base
    if kind == "literal_error":
        listed = ", ".join(f"'{word}'" for word in _choices(context))
        return f"one of {listed}" if "," in listed else listed
    if "min_length" in context or "max_length" in context:
        return f"at least {context['min_length']}" if "min_length" in context else f"at most {context['max_length']}"
    message = details["msg"].removeprefix("Input should be ").removeprefix("Input should ")
    return message[:1].lower() + message[1:]


def _bounds(slot: Slot | None) -> str:
    """`greater than 0 and less than 1`, from the field's marks."""
    if slot is None or slot.field is None:
        return ""
    marks = slot.field.metadata
    limits = {key: getattr(mark, key) for mark in marks for key, _ in _BOUNDS if getattr(mark, key, None) is not None}
    if limits.keys() == {"ge", "le"}:
        return f"from {limits['ge']:g} to {limits['le']:g}"
    return " and ".join(f"{phrase} {limits[key]:g}" for key, phrase in _BOUNDS if key in limits)
