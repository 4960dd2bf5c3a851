"""JSON Schema of settings and plugins: pydantic's, brought into the form that editors and this study language need.

Pydantic knows types, bounds, defaults and docstrings. What it cannot know is added here: components that are chosen by
name, and the forgiving variant of everything that is laid over something else, where nothing is required because the
rest stands below.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..specs import KINDS, Settings, Spec
from .evaluate import EvaluateSettings
from .plan import TableSettings
from .schema_generator import KIND, REFERENCE, REWRITTEN, Json, generated
from .settings import CellSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..catalogue import Catalogue

PART = ".part"
"""Ending of the definition of what is laid over something: nothing is required in it."""


def reference(name: str) -> Json:
    """A reference to a definition."""
    return {"$ref": REFERENCE + name}


def having(*keys: str) -> Json:
    """A mapping that has these keys."""
    return {"type": "object", "required": list(keys)}


def hover(text: str) -> Json:
    """What an editor shows of a key: plain, and as Markdown where that says more."""
    line = " ".join(text.split())
    plain = line.replace("`", "")
    return (
        {}
        if not line
        else {"description": plain}
        if plain == line
        else {"description": plain, "markdownDescription": line}
    )


def any_of(schemas: Iterable[Json]) -> Json:
    """One of several, equal ones once; one alone stands by itself."""
    distinct = list({json.dumps(schema, sort_keys=True): schema for schema in schemas}.values())
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def chosen(key: str, branches: Mapping[str, Json], nameless: Json | None) -> Json:
    """A mapping whose `key` decides which branch it must fit. `nameless` is what it must fit without the key."""
    rules = [
        {"if": {"required": [key], "properties": {key: {"const": name}}}, "then": branch}
        for name, branch in branches.items()
    ]
    schema: Json = {"type": "object", "properties": {key: {"enum": list(branches)}}, "allOf": rules}
    if nameless is None:
        return schema | {"required": [key]}
    return schema | {"if": {"not": {"required": [key]}}, "then": nameless}


@dataclass(frozen=True, slots=True)
class Models:
    """The definitions of all settings, and where each class of settings is among them."""

    definitions: Json
    names: Mapping[type[Settings], str]
    kinds: Mapping[str, Mapping[str, type[Spec]]]
    """{kind: {plugin: class}}, the kinds that a study chooses from."""

    @classmethod
    def of(cls, catalogue: Catalogue) -> Models:
        """Those of a cell, of a table, of `evaluate`, and of the plugins of `catalogue`."""
        kinds: dict[str, dict[str, type[Spec]]] = {kind.kind: {} for kind in KINDS}
        for kind, entry in catalogue:
            kinds[kind][entry.name] = entry.spec
        del kinds["executor"]
        plugins = [plugin for named in kinds.values() for plugin in named.values()]
        raw, names = generated([CellSettings, TableSettings, EvaluateSettings, *plugins])
        models = cls({}, names, kinds)
        for name, schema in raw.items():
            models.definitions[name] = models.finished(schema, partial=False)
            models.definitions[name + PART] = models.finished(schema, partial=True)
        for kind in kinds:
            models.definitions[kind] = models.component(kind, partial=False)
            models.definitions[kind + PART] = models.component(kind, partial=True)
        return models

    def property(self, model: type[Settings], field: str) -> Json:
        """What may be laid over a field, as the definition of its settings says."""
        schema = self.definitions[self.names[model] + PART]
        inside: Json = next((one for one in (schema, *schema.get("anyOf", ())) if "properties" in one), {})
        found: Json = inside.get("properties", {}).get(field, {})
        return found

    def component(self, kind: str, *, partial: bool) -> Json:
        """A component of a kind: a bare name, or a mapping with `name` and settings of the plugin of that name."""
        plugins = self.kinds[kind]
        ending = PART if partial else ""
        docs = [(plugin.__doc__ or "").strip().partition("\n\n")[0] for plugin in plugins.values()]
        word: Json = {"enum": list(plugins), "markdownEnumDescriptions": [" ".join(doc.split()) for doc in docs]}
        branches = {name: reference(self.names[plugin] + ending) for name, plugin in plugins.items()}
        shared: dict[str, list[Json]] = {}
        for plugin in plugins.values():
            for field in plugin.model_fields:
                shared.setdefault(field, []).append(self.property(plugin, field) if partial else {})
        nameless = {
            "properties": {field: any_of(schemas) for field, schemas in shared.items()},
            "additionalProperties": False,
        }
        mapping = chosen("name", branches, nameless if partial else None)
        mapping["properties"]["name"] = word
        return {"anyOf": [word, mapping]}

    def finished(self, schema: Any, *, partial: bool) -> Any:  # noqa: ANN401 - any JSON value
        """A generated schema as draft 07 has it, with references to kinds in place of marks."""
        if isinstance(schema, list):
            return [self.finished(one, partial=partial) for one in schema]
        if not isinstance(schema, dict):
            return schema
        told, found = self._told(schema), self._pointed(schema, partial=partial)
        if found is not None:
            return {"allOf": [found]} | told if told else found
        if REWRITTEN in schema:
            return {"anyOf": [self.finished(schema[REWRITTEN], partial=partial), {}]} | told
        return (self._union if "discriminator" in schema else self._plain)(schema, partial=partial)

    @staticmethod
    def _pointed(schema: Json, *, partial: bool) -> Json | None:
        """The reference that a schema is; None for any other."""
        ending = PART if partial else ""
        if KIND in schema:
            return reference(schema[KIND] + ending)
        return {"$ref": schema["$ref"] + ending} if "$ref" in schema else None

    def _plain(self, schema: Json, *, partial: bool) -> Json:
        done: Json = {}
        for key, value in schema.items():
            if key in ("title", "default", "description", "const", "enum", "examples"):
                continue
            if key == "properties":
                done[key] = {name: self.finished(one, partial=partial) for name, one in value.items()}
            elif key == "prefixItems":
                done |= {"items": self.finished(value, partial=partial), "additionalItems": False}
            elif key != "required" or not partial:
                done[key] = self.finished(value, partial=partial)
        return done | {key: schema[key] for key in ("const", "enum") if key in schema} | self._told(schema)

    def _union(self, schema: Json, *, partial: bool) -> Json:
        """Settings that are told apart by one of their fields."""
        said = schema["discriminator"]
        ending = PART if partial else ""
        branches = {name: {"$ref": target + ending} for name, target in said["mapping"].items()}
        nameless = {"anyOf": list(branches.values())} if partial else None
        return chosen(said["propertyName"], branches, nameless) | self._told(schema)

    @staticmethod
    def _told(schema: Json) -> Json:
        """Default and hover text."""
        told: Json = {"default": schema["default"]} if "default" in schema else {}
        return told | hover(str(schema.get("description", "")))


def without_unused(root: Json, definitions: Json) -> Json:
    """The definitions that `root` leads to, those of parts left out that say nothing else than the whole."""
    same = {name for name in definitions if name + PART in definitions}
    while wrong := {
        name for name in same if _pruned(definitions[name + PART], same) != _pruned(definitions[name], same)
    }:
        same -= wrong
    used: Json = {}
    waiting = list(_references(root))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = _pruned(definitions[name], same)
            waiting += _references(used[name])
    return {name: used[name] for name in sorted(used)}


def _pruned(schema: Any, same: set[str]) -> Any:  # noqa: ANN401 - any JSON value
    """`schema` with references to wholes in place of those to parts that say the same."""
    if isinstance(schema, list):
        return [_pruned(one, same) for one in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix(REFERENCE).removesuffix(PART)
    return reference(name) if name in same else {key: _pruned(one, same) for key, one in schema.items()}


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(REFERENCE)
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from _references(one)
