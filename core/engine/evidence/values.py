"""Other values that a setting may take: all others of few, far ones of many."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

_MOST = 6
_HALF = 0.5


def others(held: BaseModel, field: str) -> list[Any]:
    """Values of the field of `held` to try in place of what it has, the strongest first; not all need be legal.

    Words that name things (a task, a path) have none.
    """
    value = getattr(held, field)
    info = type(held).model_fields.get(field)
    annotation = info.annotation if info is not None else None
    found = [*_few(annotation, value), *_many(value)]
    if value is None:
        found += [made for kind in get_args(annotation) for made in _of_kind(kind)]
    elif _may_be_none(annotation) and not isinstance(value, str):
        found.append(None)
    fresh = {repr(other): other for other in found if other != value or type(other) is not type(value)}
    return list(fresh.values())[:_MOST]


def is_choice(held: BaseModel, field: str) -> bool:
    """Whether the field is a switch, or one of a few words."""
    info = type(held).model_fields.get(field)
    return isinstance(getattr(held, field), bool) or (info is not None and bool(_words(info.annotation)))


def _few(annotation: object, value: object) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    yield from _words(annotation)


def _words(annotation: object) -> list[Any]:
    """The words of a `Literal`, in whatever it stands."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return [word for kind in get_args(annotation) for word in _words(kind)]
    return []


def _may_be_none(annotation: object) -> bool:
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def _many(value: object) -> list[Any]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [1, 2 * value, value + 1, max(0, value - 1), 10 * value + 1, 0]
    if isinstance(value, float):
        return [_HALF if value != _HALF else _HALF / 2, 1e-3, 10 * value, 2 * value + 1, value / 2, 0.0]
    if isinstance(value, list | tuple) and value:
        kind = type(value)
        first = [kind([other, *value[1:]]) for other in _many(value[0])[:2]]
        return [*first, kind([*value, value[-1]]), kind(value[:-1]), kind(reversed(value))]
    if isinstance(value, dict):
        return [{**value, key: other} for key, held in value.items() for other in _many(held)[:2]]
    return []


def _of_kind(kind: object) -> list[Any]:
    """Values for a setting that has none."""
    if kind is float:
        return [0.5, 2.0]
    if kind is int:
        return [1, 2]
    return [True] if kind is bool else []
