"""The marks of a plugin: `hookimpl` for its hooks, `Knob` for numbers that vary without changing a shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, cast

import pluggy
from pydantic import Field

PROJECT = "butfor"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class KnobMark:
    """Found in a field's metadata: the engine hands this number to the module as a 0-d tensor."""


Knob = Annotated[float, KnobMark()]


def knob(default: float, **bounds: float) -> float:
    """Field of a `Knob`: its default and its bounds (`gt`, `ge`, `lt`, `le`)."""
    return cast("float", Field(default=default, **cast("dict[str, Any]", bounds)))


def component(name: str) -> Any:  # noqa: ANN401 - the field decides which kind of spec the name stands for
    """Field of a component inside a component: the default is a plugin's name, looked up in the catalogue."""
    return Field(default=name, validate_default=True)
