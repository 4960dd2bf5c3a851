"""What may stand where: walks the settings' types, and the plugins that a study names, to say which paths there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from ..specs import Settings, Spec
from .settings import CellSettings
from .tree import Node, from_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

    from ..catalogue import Catalogue

_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand at one place: models of settings, a mapping with free keys, or a plain value."""

    models: tuple[type[Settings], ...] = ()
    element: Slot | None = None
    """What each value of a mapping with free keys may be."""
    field: FieldInfo | None = None
    optional: bool = False
    """Whether null may stand here."""

    @property
    def kind(self) -> type[Spec] | None:
        """The kind of component that is chosen here by name, if one is."""
        return _kind_among(self.models)

    @property
    def is_component(self) -> bool:
        """Whether a name decides which settings there are."""
        return self.kind is not None or len(self.models) > 1

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers may stand here."""
        parts = list(_parts(self.field.annotation)) if self.field is not None else []
        return int in parts and float not in parts

    def default(self) -> Node | None:
        """What stands here when the file is silent: a tree, or None for nothing that could be entered."""
        if self.field is None:
            return None
        value = self.field.default
        if value is PydanticUndefined and self.field.default_factory is not None:
            value = self.field.get_default(call_default_factory=True, validated_data={})
        if isinstance(value, Settings | Mapping) or (isinstance(value, str) and self.models):
            return from_python({"name": value} if isinstance(value, str) else value)
        return Node({}) if self.optional and len(self.models) == 1 and self.kind is None else None


@dataclass(frozen=True, slots=True)
class Grammar:
    """The settings of a cell as the plugins of `catalogue` make them."""

    catalogue: Catalogue

    @property
    def root(self) -> Slot:
        """A cell's settings."""
        return Slot((CellSettings,))

    def model(self, slot: Slot, node: Node | None) -> type[Settings] | None:
        """The settings that `node` asks for among those that may stand in `slot`; None where it does not say."""
        node = node if node is not None else slot.default()
        name = node.name if node is not None else None
        kind = slot.kind
        if kind is not None:
            entry = self.catalogue.entries.get((kind.kind, name or ""))
            return entry.spec if entry is not None else None
        if len(slot.models) == 1:
            return slot.models[0]
        return next((model for model in slot.models if _name_of(model) == name), None)

    def children(self, slot: Slot, node: Node | None) -> Mapping[str, Slot]:
        """What may stand inside `node`: the fields of its settings, or the keys that it has."""
        model = self.model(slot, node)
        if model is not None:
            return fields_of(model)
        if slot.element is not None and node is not None:
            return dict.fromkeys(node.children, slot.element)
        return {}

    def walk(self, tree: Node, path: Sequence[str], start: Slot | None = None) -> Slot | None:
        """The slot at a path of `tree`, which stands in `start` (a cell's settings), or None where it leads nowhere."""
        slot: Slot = start or self.root
        node: Node | None = tree
        for number, part in enumerate(path):
            node = node if node is not None else slot.default()
            if number == 1 and path[0] == "encoder" and node is not None and part not in node.children:
                slot, node = slot.element or slot, next(iter(node.children.values()), None)
            inside = self.children(slot, node).get(part) or slot.element
            if inside is None:
                return None
            slot, node = inside, node.within(part) if node is not None else None
        return slot

    def paths(self, tree: Node) -> tuple[str, ...]:
        """Every path that a design may name, `encoder.width` for all modalities included."""
        found = dict.fromkeys(self._paths(self.root, tree, ""))
        for path in list(found):
            parts = path.split(".")
            if parts[0] == "encoder" and len(parts) > 2:  # noqa: PLR2004 - encoder.MODALITY.SETTING
                found[".".join((parts[0], *parts[2:]))] = None
        return tuple(found)

    def _paths(self, slot: Slot, node: Node | None, before: str) -> Iterator[str]:
        if before.count(".") > _DEEPEST:
            return
        node = node if node is not None else slot.default()
        for name, inside in self.children(slot, node).items():
            if name == "name" or node is None:
                continue
            yield before + name
            yield from self._paths(inside, node.within(name), f"{before}{name}.")


@cache
def _kind_among(models: tuple[type[Settings], ...]) -> type[Spec] | None:
    return next((model for model in models if issubclass(model, Spec) and model.is_kind()), None)


@cache
def fields_of(model: type[Settings]) -> Mapping[str, Slot]:
    """The fields of settings, and what may stand in each."""
    return {name: _slot(field.annotation, field) for name, field in model.model_fields.items()}


def _parts(annotation: object) -> Iterator[object]:
    """The members of a union, without marks."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation


def _slot(annotation: object, field: FieldInfo | None) -> Slot:
    models: list[type[Settings]] = []
    element = None
    parts = list(_parts(annotation))
    for part in parts:
        if get_origin(part) in (dict, Mapping):
            element = _slot(get_args(part)[1], None)
        elif isinstance(part, type) and issubclass(part, Settings):
            models.append(part)
    return Slot(tuple(models), element, field, type(None) in parts)


def _name_of(model: type[Settings]) -> object:
    return model.model_fields["name"].default if "name" in model.model_fields else None
