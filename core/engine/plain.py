"""What modules keep in plain Python: numbers, words, and what holds them. All rows of a stack share one of each."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from hashlib import sha256
from types import FunctionType
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import BaseModel
from torch import nn

from ..study.cell import content_key
from .merging import family
from .model import System
from .structure import program, tops, with_part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..dataset import Dataset
    from ..specs import Spec
    from ..study.cell import Cell

_TORCHS = frozenset(vars(nn.Module()))
TENSOR = "a tensor"


def attributes(module: nn.Module, *, tensors: bool = True) -> dict[str, str]:
    """{`norm.calls`: the value as text} of each attribute of the module and those inside that is none of torch's.

    Tensors that are no parameters or buffers are told by what is in them, or, without `tensors`, as `TENSOR`.
    """
    found = {}
    for name, part in module.named_modules():
        for attribute, value in vars(part).items():
            if attribute not in _TORCHS:
                found[f"{name}.{attribute}".lstrip(".")] = _told(value, set(), tensors=tensors)
    return found


def parted(cells: Sequence[Cell], data: Mapping[str, Dataset]) -> dict[str, str]:
    """{key of a cell: what tells its modules' attributes from those of cells with its program; empty for nothing}.

    Knobs and weights of terms vary inside a program, and a module may keep one, or what follows from one, in Python.
    Cells that differ in that stand in stacks of their own. `data` by `Cell.data_key`. Every part is built once for each
    of its settings that differ in no more than that.
    """
    families = {cell.key: _family(cell) for cell in cells}
    places: dict[str, dict[str, tuple[Cell, Spec]]] = {}
    for cell in cells:
        for path, spec in tops(cell.settings):
            variants = places.setdefault(_place(families[cell.key], path, spec), {})
            variants.setdefault(spec.model_dump_json(), (cell, spec))
    told: dict[str, dict[str, str]] = {}
    for place, variants in places.items():
        if len(variants) > 1:
            first, _ = next(iter(variants.values()))
            path = json.loads(place)[1]
            seen = {text: _seen(first, path, spec, data) for text, (_, spec) in variants.items()}
            told[place] = seen if len(set(seen.values())) > 1 else {}
    found = {}
    for cell in cells:
        known = {path: (_place(families[cell.key], path, spec), spec) for path, spec in tops(cell.settings)}
        own = {path: told[place][spec.model_dump_json()] for path, (place, spec) in known.items() if told.get(place)}
        found[cell.key] = content_key(own) if own else ""
    return found


def _family(cell: Cell) -> str:
    return json.dumps([cell.data_key, family(cell.settings, with_modalities=False)])


def _place(family_: str, path: str, spec: Spec) -> str:
    return json.dumps([family_, path, program(spec)], sort_keys=True)


def _seen(cell: Cell, path: str, spec: Spec, data: Mapping[str, Dataset]) -> str:
    """A digest of the attributes of the part at `path`, built by `spec` in the place of the cell's own."""
    try:
        built = System(with_part(cell.settings, path, spec), data[cell.data_key], "check").get_submodule(path)
    except Exception as error:  # noqa: BLE001 - a part that cannot be built stands alone, and says so when it is trained
        return f"{type(error).__name__}: {error}"
    return sha256(json.dumps(attributes(built), sort_keys=True).encode()).hexdigest()


def _told(value: object, around: set[int], *, tensors: bool) -> str:
    """A value as text that is the same for the same value."""
    kind = type(value).__qualname__
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        return f"{kind} {value!r}"
    if isinstance(value, torch.Tensor):
        return _digest(value.dtype, value.detach().cpu().reshape(-1).view(torch.uint8).numpy()) if tensors else TENSOR
    if isinstance(value, np.ndarray):
        return _digest(value.dtype, value)
    if isinstance(value, BaseModel):
        return f"{kind} {value.model_dump_json(serialize_as_any=True)}"
    if id(value) in around:
        return kind
    inside = [_told(held, around | {id(value)}, tensors=tensors) for held in _held(value)]
    return f"{kind} {sorted(inside) if isinstance(value, AbstractSet) else inside}"


def _held(value: object) -> Iterable[object]:
    """What is inside a value."""
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, Sequence | AbstractSet):
        return value
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, FunctionType):
        return [value.__qualname__, value.__defaults__, *inspect.getclosurevars(value).nonlocals.values()]
    return [] if isinstance(value, nn.Module | type) else list(getattr(value, "__dict__", {}).items())


def _digest(dtype: object, array: np.ndarray) -> str:
    return f"{dtype} {array.shape} {sha256(np.ascontiguousarray(array).tobytes()).hexdigest()}"
