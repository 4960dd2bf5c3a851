"""JSON Schema (draft 07, which yaml-language-server reads) of a study file, made from the plugins of a catalogue.

An editor that knows it completes keys, names of plugins and paths, shows docstrings, and underlines mistakes while the
file is written. It says less than `Study.parse`, never more: what it refuses, the reader refuses.

A file that includes another may leave out whatever stands there, and so may a file without `study`, which is there to
be included; those get the forgiving half of the schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .evaluate import EvaluateSettings
from .layers import layers
from .plan import TableSettings
from .problems import Problems
from .reading import INSIDE, KEYS, OUTSIDE
from .schema_designs import design_definitions
from .schema_generator import REFERENCE, Json
from .schema_models import PART, Models, hover, reference, without_unused
from .schema_paths import Paths, known
from .settings import CellSettings

if TYPE_CHECKING:
    from ..catalogue import Catalogue
    from .tree import Node

DRAFT = "http://json-schema.org/draft-07/schema#"
_FREE = r"!-,/:-@\[-^`{-\u007f\u0000-\u001f"
NAME: Json = {"type": "string", "maxLength": 80, "pattern": rf"^[^ .\-_{_FREE}](?:[^{_FREE}]*[^ .{_FREE}])?$"}
"""The name of a folder or a file, as `names.name_problem` has it; every letter beyond ASCII is taken."""
_TOLD = {
    "study": "The name of the study, and of the folder that its tables are written to.",
    "include": "A file, a preset, or a list of them, which this file is laid over.",
    "plugins": "Python files that offer parts of your own, such as `./my_fusion.py`; paths start from this file.",
    "dataset": "The data: the name of a dataset plugin, or a mapping with `name` and its settings.",
    "splits": "How rows become training, validation and test, the same for all cells.",
    "seeds": "A number n for the seeds 0 to n - 1, or a list of seeds. Default: 3.",
    "baseline": "The full system, from which every design departs.",
    "ablations": "Named designs: what to vary. Without any, the baseline alone is trained.",
    "evaluate": "Tests under conditions besides the clean one: `{missing: {rates: [0.3]}, noise: {levels: [0.5]}}`.",
    "tables": "The tables to print. Default: one for each design.",
}


def study_schema(catalogue: Catalogue, tree: Node | None = None) -> Json:
    """The schema of a study that may use everything in `catalogue`.

    `tree` is a study whose terms and modalities an editor is to offer in paths; others stay allowed.
    """
    models = Models.of(catalogue)
    terms, modalities = _spoken_of(tree, catalogue) if tree is not None else ((), ())
    definitions: Json = {
        **models.definitions,
        **_cell(models),
        **design_definitions(),
        **Paths(models, terms, modalities).definitions(),
    }
    root: Json = {
        "$schema": DRAFT,
        "title": "A study of butfor",
        "type": "object",
        "properties": {key: _shared(key, catalogue) | hover(_TOLD.get(key, "")) for key in KEYS},
        "additionalProperties": False,
        "if": {"required": ["study"], "not": {"required": ["include"]}},
        "then": {"required": ["dataset", "baseline"], "properties": _parts(models, partial=False)},
        "else": {"properties": _parts(models, partial=True)},
    }
    return root | {"definitions": without_unused(root, definitions)}


def _shared(key: str, catalogue: Catalogue) -> Json:
    """What does not depend on whether the file is laid over another."""
    files: Json = {"anyOf": [{"enum": sorted(catalogue.presets)}, {"type": "string"}]}
    seed: Json = {"type": "integer", "minimum": 0}
    seeds: Json = {"type": "array", "minItems": 1, "uniqueItems": True, "items": seed}
    return {
        "study": NAME,
        "include": {"anyOf": [*files["anyOf"], {"type": "array", "items": files}]},
        "plugins": {"type": "array", "items": {"type": "string"}},
        "seeds": {"anyOf": [{"type": "integer", "minimum": 1}, seeds]},
        "tables": {"type": "array", "items": reference(TableSettings.__name__)},
    }.get(key, {})


def _parts(models: Models, *, partial: bool) -> Json:
    ending = PART if partial else ""
    splits = models.definitions[CellSettings.__name__ + ending]["properties"]["splits"]
    return {
        "dataset": reference("dataset" + ending),
        "splits": {key: value for key, value in splits.items() if key != "default"},
        "baseline": reference("baseline" + ending),
        "evaluate": {"anyOf": [reference(EvaluateSettings.__name__ + ending), {"type": "null"}]},
        "ablations": {
            "type": "object",
            "propertyNames": NAME,
            "additionalProperties": reference("design" + ending),
        },
    }


def _cell(models: Models) -> Json:
    """`baseline` and `encoders`, whole and as parts; the losses of a part may be removed."""
    found: Json = {}
    for ending in ("", PART):
        cell = models.definitions[CellSettings.__name__ + ending]
        encoder, loss = reference("encoder" + ending), reference("loss" + ending)
        told = {
            key: encoder_schema for key, encoder_schema in cell["properties"]["encoder"].items() if "escription" in key
        }
        each: Json = {"type": "object", "not": {"required": ["name"]}, "additionalProperties": encoder}
        found["encoders" + ending] = {"anyOf": [encoder, each]}
        properties = {name: cell["properties"][name] for name in INSIDE}
        properties["encoder"] = {"allOf": [reference("encoders" + ending)]} | told
        terms = {"anyOf": [loss, {"type": "null"}]} if ending else loss
        properties["losses"] = properties["losses"] | {"additionalProperties": terms}
        if not ending:
            properties["losses"] |= {"minProperties": 1}
        properties["modalities"] = properties["modalities"] | {"minItems": 1, "uniqueItems": True}
        found["baseline" + ending] = cell | {"properties": properties}
    required = [name for name in found["baseline"]["required"] if name not in (*OUTSIDE, "modalities")]
    found["baseline"] |= {"required": required}
    return found


def _spoken_of(tree: Node, catalogue: Catalogue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Terms of the loss and modalities that a study and its includes name."""
    terms: dict[str, object] = {}
    modalities: dict[str, object] = {}
    for layer in layers(tree, catalogue.presets, Problems()):
        baseline, data = layer.within("baseline"), layer.within("dataset")
        losses = baseline.within("losses") if baseline is not None else None
        encoder = baseline.within("encoder") if baseline is not None else None
        named = data.within("modalities") if data is not None else None
        terms |= losses.children if losses is not None else {}
        modalities |= named.children if named is not None else {}
        if encoder is not None and "name" not in encoder.children:
            modalities |= {name: one for name, one in encoder.children.items() if one.name or one.is_mapping}
    return known(terms), known(modalities)


__all__ = ["DRAFT", "REFERENCE", "study_schema"]
