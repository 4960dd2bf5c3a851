"""The type of a setting in words: `a number from 0 to 1`, `a fusion`, `min | max`, `a list of texts`."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Literal, Union, get_args, get_origin

from ..core.specs import Settings, Spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.fields import FieldInfo

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "null"}
_BOUNDS = (("gt", "greater than"), ("ge", "of at least"), ("lt", "less than"), ("le", "of at most"))


def in_words(field: FieldInfo) -> str:
    """What may stand for a setting, with its bounds."""
    told, limits = _words(field.annotation), _bounds(field.metadata)
    bare = told.removesuffix(" or null")
    return f"{bare} {limits}".rstrip() + (" or null" if bare != told else "")


def _words(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return f"{_words(arguments[0])} {_bounds(arguments[1:])}".rstrip()
    if origin is Literal:
        return " | ".join(str(choice) for choice in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_words(part) for part in arguments))
    if origin in (dict, Mapping):
        return f"a mapping of names to {_bare(_words(arguments[1]))}"
    if origin in (tuple, list, set, frozenset):
        parts = dict.fromkeys(_bare(_words(part)) for part in arguments if part is not Ellipsis)
        return f"a list of {' and '.join(parts)}"
    return _class(annotation)


def _class(annotation: object) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Spec) and annotation.is_kind():
        return f"{'an' if annotation.kind[0] in 'aeiou' else 'a'} {annotation.kind}"
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return f"a mapping ({', '.join(annotation.model_fields)})"
    known = _WORDS.get(annotation) if isinstance(annotation, type) else None
    return known or getattr(annotation, "__name__", "") or str(annotation)


def _bare(words: str) -> str:
    """`numbers` for `a number`; anything longer as it is."""
    plurals = {"a number": "numbers", "a whole number": "whole numbers", "text": "texts"}
    return plurals.get(words, words)


def _bounds(metadata: Sequence[object]) -> str:
    marks = [mark for outer in metadata for mark in getattr(outer, "metadata", (outer,))]
    limits = {key: getattr(mark, key) for mark in marks for key, _ in _BOUNDS if getattr(mark, key, None) is not None}
    if limits.keys() == {"ge", "le"}:
        return f"from {limits['ge']:g} to {limits['le']:g}"
    return " and ".join(f"{phrase} {limits[key]:g}" for key, phrase in _BOUNDS if key in limits)
