"""Which settings any code reads while a system is built and run: access to specs of any depth, taken down."""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Self

from torch import nn

from ...modules import hold_knobs
from ...specs import Settings, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from pydantic import BaseModel

_WHOLE = frozenset({"__dict__", "model_dump", "model_dump_json", "resolved", "dict", "json", "copy", "model_copy"})
"""Whoever asks for these may read every setting."""
_ENGINES = {"dataset": {"name", "standardise"}, "loss": {"name", "weight", "warmup"}, "encoder": {"name", "width"}}
"""Settings that the engine itself reads, by kind."""


class Reads:
    """Inside this context every read of a setting is taken down; `unread` tells what nobody read.

    A knob that `hold_knobs` puts on a module counts as read when the module's number is.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[int, str]] = set()
        self._held: dict[tuple[int, str], int] = {}
        self._modules: list[object] = []

    def __enter__(self) -> Self:
        of_module = nn.Module.__getattr__
        plain = Settings.__getattribute__

        def read_setting(own: Settings, name: str) -> object:
            if not name.startswith("_") or name == "__dict__":
                self._note(own, name, inspect.currentframe())
            return plain(own, name)

        def read_number(own: nn.Module, name: str) -> object:
            made = of_module(own, name)
            spec = self._held.get((id(own), name))
            if spec is not None:
                self._seen.add((spec, name))
            return made

        self._of_module = of_module
        type.__setattr__(Settings, "__getattribute__", read_setting)
        type.__setattr__(nn.Module, "__getattr__", read_number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        type.__delattr__(Settings, "__getattribute__")
        type.__setattr__(nn.Module, "__getattr__", self._of_module)

    def _note(self, own: Settings, name: str, frame: FrameType | None) -> None:
        caller = frame.f_back if frame is not None else None
        if caller is not None and caller.f_code is hold_knobs.__code__ and name in _knobs(type(own)):
            module = caller.f_locals["module"]
            self._modules.append(module)
            self._held[id(module), name] = id(own)
        else:
            self._seen.add((id(own), "*" if name in _WHOLE else name))

    def unread(self, spec: Spec) -> Iterator[tuple[str, ...]]:
        """Paths of the settings of `spec` that nobody read, those that it should not have among them."""
        for path in self._unread(spec):
            if path[0] not in _ENGINES.get(spec.kind, {"name"}):
                yield path

    def _unread(self, held: BaseModel) -> Iterator[tuple[str, ...]]:
        if (id(held), "*") in self._seen:
            return
        fields = {**{name: getattr(held, name) for name in type(held).model_fields}, **(held.model_extra or {})}
        for name, value in fields.items():
            if (id(held), name) not in self._seen:
                yield (name,)
            elif isinstance(value, Settings) and not isinstance(value, Spec):
                yield from ((name, *inner) for inner in self._unread(value))


@cache
def _knobs(kind: type[Settings]) -> frozenset[str]:
    return frozenset(kind.knobs()) if issubclass(kind, Spec) else frozenset()
