"""JSON Schema of the dotted paths that designs vary: which there are, as patterns, and what may be set at each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..specs import LossSpec, Spec
from .assign import KEEP
from .grammar import fields_of
from .schema_models import PART, Models, any_of, having, reference
from .settings import CellSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .grammar import Slot
    from .schema_generator import Json

_ANY = r"[^.]+"
_MODALITY = r"modalities\.[^.]+"
"""What `leave_one_out` takes away of a list: a modality by its name."""
_DEEPEST = 6
_NULL: Json = {"type": "null"}
KEPT: Json = {"const": KEEP, "markdownDescription": "As in the baseline."}


@dataclass(frozen=True, slots=True)
class Path:
    """Paths of one form and what may be laid over what stands there."""

    pattern: str
    """Regular expression of the whole path, for JavaScript and Python alike."""
    value: Json
    words: tuple[str, ...] = ()
    """Some of these paths written out, for an editor to offer."""

    @property
    def title(self) -> str:
        """The pattern as a name that is safe in a reference."""
        bare = re.sub(r"\(\?!.*?\$\)|\(\?:\\\.\(\?:.*?\)\)\*", "", self.pattern)
        return re.sub(r"[\\()?:]", "", bare.replace(_ANY, "*"))

    @property
    def removable(self) -> bool:
        """Whether null may be set there."""
        return _takes_null(self.value)


@dataclass(frozen=True, slots=True)
class Paths:
    """Every path that a design may name."""

    models: Models
    terms: tuple[str, ...] = ()
    """Terms of the loss that an editor offers paths of; any others are allowed."""
    modalities: tuple[str, ...] = ()

    def definitions(self) -> Json:
        """`assignments` ({path: value}), `axes` ({path: levels}) and `removed` (a path that may become null)."""
        paths = list(self.all())
        removable = [path for path in paths if path.removable]
        found: Json = {"removed": _removed(removable, self.modalities)}
        assigned: list[str] = []
        levels: list[str] = []
        known: dict[str, str] = {}
        for path in paths:
            content = json.dumps(path.value, sort_keys=True)
            name = known.setdefault(content, path.title if path.title not in known.values() else path.pattern)
            found[f"value:{name}"] = {"anyOf": [path.value, KEPT]}
            found[f"levels:{name}"] = _levels(reference(f"value:{name}"))
            assigned.append(f"value:{name}")
            levels.append(f"levels:{name}")
        return found | {"assignments": _mapping(paths, assigned), "axes": _mapping(paths, levels)}

    def all(self) -> Iterator[Path]:
        """The paths; those of one form once, with whatever any plugin takes there."""
        found: dict[str, list[Path]] = {}
        for path in self._cell():
            found.setdefault(path.pattern, []).append(path)
        for pattern, several in found.items():
            yield Path(pattern, any_of(path.value for path in several), several[0].words)

    def _cell(self) -> Iterator[Path]:
        for field, slot in fields_of(CellSettings).items():
            if field == "encoder":
                yield from self._encoders()
            elif field == "losses":
                words = tuple(f"losses.{term}" for term in self.terms)
                pattern = rf"losses\.{_ANY}"
                yield Path("losses", self.models.property(CellSettings, field), ("losses",))
                yield Path(pattern, {"anyOf": [reference(LossSpec.kind + PART), _NULL]}, words)
                yield from self._component(LossSpec.kind, pattern, words)
            else:
                value = self.models.property(CellSettings, field)
                yield from self._slot(slot, value, field, (field,), 0)

    def _encoders(self) -> Iterator[Path]:
        names = sorted({field for spec in self.models.kinds["encoder"].values() for field in spec.model_fields})
        modality = rf"\.(?!(?:{'|'.join(names)})$){_ANY}"
        words = tuple(f"encoder.{name}" for name in self.modalities)
        yield Path("encoder", reference("encoders" + PART), ("encoder",))
        yield Path("encoder" + modality, reference("encoder" + PART), words)
        yield from self._component("encoder", f"encoder(?:{modality})?", ("encoder", *words))

    def _component(self, kind: str, pattern: str, words: Sequence[str]) -> Iterator[Path]:
        """What stands inside a component of `kind`, and inside those that it holds, however deep."""
        holders = self._held(kind)
        held = [field for field, _ in holders]
        within = f"{pattern}(?:\\.(?:{'|'.join(map(re.escape, held))}))*" if held else pattern
        for field, inner in holders:
            yield Path(rf"{within}\.{field}", reference(inner + PART), _joined(words, field))
        kinds = dict.fromkeys((kind, *(inner for _, inner in holders)))
        for one in kinds:
            for plugin in self.models.kinds[one].values():
                for field, slot in fields_of(plugin).items():
                    if slot.kind is not None:
                        continue
                    own = words if one == kind else ()
                    around = [
                        *_joined(own, field),
                        *(f"{word}.{h}.{field}" for word in words for h, k in holders if k == one),
                    ]
                    value = self._value(plugin, field, one)
                    yield from self._slot(slot, value, rf"{within}\.{field}", tuple(around), 1)

    def _value(self, plugin: type[Spec], field: str, kind: str) -> Json:
        return {"enum": list(self.models.kinds[kind])} if field == "name" else self.models.property(plugin, field)

    def _held(self, kind: str) -> tuple[tuple[str, str], ...]:
        """(field, kind) of every component that one of `kind` may hold, directly or not."""
        found: dict[tuple[str, str], None] = {}
        waiting = [kind]
        while waiting:
            for plugin in self.models.kinds[waiting.pop()].values():
                for field, slot in fields_of(plugin).items():
                    if slot.kind is not None and (field, slot.kind.kind) not in found:
                        found[field, slot.kind.kind] = None
                        waiting.append(slot.kind.kind)
        return tuple(found)

    def _slot(self, slot: Slot, value: Json, pattern: str, words: tuple[str, ...], depth: int) -> Iterator[Path]:
        """A place that a field makes, and what stands inside it."""
        yield Path(pattern, value, words)
        if depth > _DEEPEST:
            return
        if slot.kind is not None:
            yield from self._component(slot.kind.kind, pattern, words)
            return
        for model in slot.models:
            for field, inner in fields_of(model).items():
                found = self.models.property(model, field)
                yield from self._slot(inner, found, rf"{pattern}\.{field}", _joined(words, field), depth + 1)
        if slot.element is not None:
            element = value.get("additionalProperties")
            inside = element if isinstance(element, dict) else {}
            yield from self._slot(slot.element, inside, rf"{pattern}\.{_ANY}", (), depth + 1)


def _takes_null(value: Json) -> bool:
    return value == _NULL or any(_takes_null(one) for one in value.get("anyOf", ()))


def _joined(words: Sequence[str], field: str) -> tuple[str, ...]:
    return tuple(f"{word}.{field}" for word in words)


def _mapping(paths: Sequence[Path], names: Sequence[str]) -> Json:
    """A mapping of paths to what the definitions `names` say of each."""
    properties: dict[str, Json] = {}
    patterns: dict[str, Json] = {}
    for path, name in zip(paths, names, strict=True):
        properties |= dict.fromkeys(path.words, reference(name))
        written = "|".join(map(re.escape, path.words))
        if written != path.pattern:
            patterns[f"^(?!(?:{written})$){path.pattern}$" if written else f"^{path.pattern}$"] = reference(name)
    return {
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": False,
    }


def _removed(paths: Sequence[Path], modalities: Sequence[str]) -> Json:
    """A path that null may be set at, or a modality."""
    pattern = f"^(?:{'|'.join(path.pattern for path in paths)}|{_MODALITY})$"
    words = [*(word for path in paths for word in path.words), *(f"modalities.{name}" for name in modalities)]
    return {"anyOf": [{"enum": words}, {"type": "string", "pattern": pattern}]}


def _levels(value: Json) -> Json:
    """The values that a path takes in turn: a list, with or without labels, or a mapping of labels."""
    labelled = {
        "type": "object",
        "properties": {"label": reference("label"), "value": value},
        "required": ["label", "value"],
        "additionalProperties": False,
    }
    item = {"if": having("label", "value"), "then": labelled, "else": value}
    several = {"type": "array", "minItems": 1, "uniqueItems": True, "items": item}
    named = {"type": "object", "minProperties": 1, "not": {"required": ["name"]}, "additionalProperties": value}
    return {"anyOf": [several, named]}


def known(said: Mapping[str, object] | None) -> tuple[str, ...]:
    """Names that may stand in a path."""
    return tuple(name for name in said or () if re.fullmatch(_ANY, name))
