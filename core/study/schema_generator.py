"""Pydantic's JSON Schema of settings, with marks where pydantic cannot know what the study language takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from ..specs import Settings, Spec, Warmup
from ..splits import SplitSpec
from .grammar import Slot, fields_of
from .settings import ModalityDropout, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic.json_schema import JsonSchemaMode, JsonSchemaValue
    from pydantic_core import core_schema

Json = dict[str, Any]
REFERENCE = "#/definitions/"
KIND, REWRITTEN = "x-kind", "x-rewritten"
"""Marks: here stands a component of a kind; here a function of the settings' own may take more than the type says."""
_SHORT_FORMS = "x-short-forms"
"""Mark: the model has a validator that is asked before its fields."""
_WHOLE = {"type": "integer", "minimum": 0}
_SHORT: Mapping[type[Settings], Json] = {
    Warmup: _WHOLE,
    SplitSpec: {"enum": list(get_args(SplitSpec.model_fields["scheme"].annotation))},
}
"""What may stand for settings as a whole, besides a mapping."""
_SHORT_FIELDS: Mapping[tuple[type[Settings], str], Json] = {
    (TrainSettings, "scheduler"): {"enum": ["plateau", "cosine"]},
    (TrainSettings, "clip"): {"type": "number", "exclusiveMinimum": 0},
    (ModalityDropout, "warmup"): _WHOLE,
}
"""What may stand for one field, besides what its type says."""


def generated(models: Sequence[type[Settings]]) -> tuple[Json, dict[type[Settings], str]]:
    """The definitions of `models` and of all that they hold, and the name that each class has among them."""
    classes = list(_reached(models))
    mode: JsonSchemaMode = "validation"
    found, whole = models_json_schema(
        [(model, mode) for model in classes], ref_template=REFERENCE + "{model}", schema_generator=_Generator
    )
    raw: Json = whole["$defs"]
    names = {model: str(found[model, mode]["$ref"]).removeprefix(REFERENCE) for model in classes}
    for model, name in names.items():
        raw[name] = _completed(model, raw[name])
    return raw, names


def _reached(models: Sequence[type[Settings]]) -> Iterator[type[Settings]]:
    """Those classes, and all that their fields hold, but no bases of kinds."""
    seen: set[type[Settings]] = set()
    waiting = list(reversed(models))
    while waiting:
        model = waiting.pop()
        if model in seen or (issubclass(model, Spec) and not _is_plugin(model)):
            continue
        seen.add(model)
        yield model
        for slot in fields_of(model).values():
            waiting += [*slot.models, *(slot.element or Slot()).models]


def _completed(model: type[Settings], schema: Json) -> Json:
    """A definition with the short forms of its fields; with nothing asked of fields that a plugin itself rewrites."""
    if issubclass(model, Spec) and _rewrites(model):
        fields = {name: {REWRITTEN: one} | one for name, one in schema["properties"].items() if name != "name"}
        schema = schema | {"properties": {**schema["properties"], **fields}, "additionalProperties": True}
    properties = dict(schema.get("properties", {}))
    for (owner, field), short in _SHORT_FIELDS.items():
        if owner is model:
            told = {key: one for key, one in properties[field].items() if key in ("default", "description")}
            typed = {key: one for key, one in properties[field].items() if key not in told}
            properties[field] = told | {"anyOf": [short, typed.get(REWRITTEN, typed)]}
    return schema | {"properties": properties} if properties else schema


def _rewrites(model: type[Settings]) -> bool:
    """Whether a validator of a plugin may take what its types do not say, and no `json_schema_extra` says it."""
    found = model.__pydantic_decorators__.model_validators
    own = [name for name, validator in found.items() if validator.info.mode in ("before", "wrap")]
    return own != ["_choose_by_name"] and not model.model_config.get("json_schema_extra")


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with marks where a kind stands and where a function may rewrite what the file says."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's own way to set it

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The mark of a kind in place of its base's schema; short forms beside settings that have one."""
        model = schema["cls"]
        if issubclass(model, Spec) and not _is_plugin(model):
            return {KIND: model.kind}
        found = super().model_schema(schema)
        if not found.pop(_SHORT_FORMS, False):
            return found
        if model in _SHORT:
            return {"anyOf": [_SHORT[model], found]}
        return found if _is_plugin(model) else {REWRITTEN: found}

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """A mark: the function may take more than the type says."""
        if schema.get("json_schema_input_schema"):
            return super().function_before_schema(schema)
        inner = self.generate_inner(schema["schema"])
        return inner | {_SHORT_FORMS: True} if schema["schema"]["type"] == "model-fields" else {REWRITTEN: inner}

    def function_wrap_schema(self, schema: core_schema.WrapValidatorFunctionSchema) -> JsonSchemaValue:
        """The same; the function that chooses plugins by name is known."""
        if schema.get("json_schema_input_schema") or schema["schema"]["type"] == "model":
            return super().function_wrap_schema(schema)
        return {REWRITTEN: self.generate_inner(schema["schema"])}

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        """A function of its own may take anything."""
        return super().function_plain_schema(schema) if schema.get("json_schema_input_schema") else {}

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:  # noqa: ARG002 - pydantic's signature
        """A type that JSON Schema cannot say is left to the reader."""
        return {}


def _is_plugin(model: type[Settings]) -> bool:
    return issubclass(model, Spec) and not model.is_kind()
