"""The catalogue: every component that plugins offer, by kind and name, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from .errors import PluginError, nearest
from .specs import KINDS, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True)
class Entry:
    """One component and its origin."""

    spec: type[Spec]
    distribution: str
    """`butfor`, the installed package, or the path of a single-file plugin."""
    version: str
    digest: str
    """Hash of the source file that defines it."""

    @property
    def name(self) -> str:
        """Its name in a study."""
        return str(self.spec.model_fields["name"].default)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What can be named in a study. Made by the registry; handed to whatever reads a study."""

    entries: Mapping[tuple[str, str], Entry]
    presets: Mapping[str, Path] = field(default_factory=dict)
    """Studies that can be included by a bare name."""
    files: tuple[str, ...] = ()
    """The single-file plugins among them."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Installed plugins that could not be imported, and why."""

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of a kind, sorted."""
        return tuple(sorted(name for known, name in self.entries if known == kind))

    def entry(self, kind: str, name: str) -> Entry:
        """The component of that kind and name. Raises PluginError with the nearest name."""
        try:
            return self.entries[kind, name]
        except KeyError:
            elsewhere = [known for known, other in self.entries if other == name]
            hint = f"'{name}' is a plugin of kind {elsewhere[0]}" if elsewhere else nearest(name, self.names(kind))
            lost = [f"plugin {point} could not be imported ({reason})" for point, reason in self.failures.items()]
            raise PluginError("; ".join([f"unknown {kind} '{name}'", hint, *lost])) from None

    def choose(self, kind: str, settings: object) -> type[Spec]:
        """The spec class that `settings` (a mapping with `name`) ask for. Raises ValueError in pydantic's manner."""
        match settings:
            case {"name": str(name)}:
                try:
                    return self.entry(kind, name).spec
                except PluginError as error:
                    raise ValueError(str(error)) from None
            case _:
                wanted = f"expected the name of a {kind}, or a mapping with `name`"
                raise ValueError(f"{wanted}; {nearest('', self.names(kind))}")

    def make(self, kind: type[S], settings: object) -> S:
        """A validated spec from a name or a mapping. Raises pydantic's ValidationError."""
        return kind.model_validate(settings, context={"catalogue": self})

    def __iter__(self) -> Iterator[tuple[str, Entry]]:
        """Kind and entry, in the order of kinds and names."""
        for kind in KINDS:
            for name in self.names(kind.kind):
                yield kind.kind, self.entries[kind.kind, name]
