"""Who raised: the part of a cell, the plugin that offers it, and the line of the plugin's own code."""

from __future__ import annotations

import inspect
import os
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from ..errors import Finding, StudyError
from .model import System
from .structure import components

if TYPE_CHECKING:
    from types import TracebackType

    from torch import nn

    from ..catalogue import Catalogue
    from ..specs import Spec
    from ..study.settings import CellSettings

_MACHINERY = [Path(__file__).parents[1], *(Path(inspect.getfile(module)).parent for module in (torch, np, os))]


@dataclass(frozen=True, slots=True)
class Blame:
    """A part of a cell."""

    path: str
    """As a study names it: `fusion`, `encoder.text`, `losses.kl`, `fusion.proxy`."""
    told: str
    """`fusion 'max' of ./max_fusion.py`."""
    where: str = ""
    """`max_fusion.py:41`: the last line of the part's own file that was being run."""


class Parts:
    """The components of a cell by their paths, and who offers each."""

    def __init__(self, settings: CellSettings, catalogue: Catalogue | None = None) -> None:
        self.specs = dict(components(settings))
        self._catalogue = catalogue

    def at(self, name: str) -> Blame:
        """The part that a module or parameter belongs to, by its qualified name in the system."""
        path = name
        while path not in self.specs and "." in path:
            path = path.rpartition(".")[0]
        if path not in self.specs:
            return Blame(path, f"the {path}")
        return Blame(path, self._told(self.specs[path]))

    def _told(self, spec: Spec) -> str:
        if self._catalogue is None:
            return f"{spec.kind} '{spec.name}'"
        entry = self._catalogue.entries.get((spec.kind, spec.name))
        origin = f"{entry.distribution} {entry.version}".strip() if entry is not None else type(spec).__module__
        return f"{spec.kind} '{spec.name}' of {origin}"

    def blamed(self, error: BaseException, system: nn.Module | None) -> Blame:
        """The part that raised: the innermost module or spec on the way to the error, else that whose file it is in.

        `system` is one that was built; else the one that the error passed through.
        """
        selves = _selves(error.__traceback__)
        system = system or next((own for own in selves if isinstance(own, System)), None)
        names = {id(spec): path for path, spec in self.specs.items()}
        names |= {id(module): name for name, module in system.named_modules()} if system is not None else {}
        inside = [names[id(own)] for own in selves if names.get(id(own))]
        found = self.at(inside[-1]) if inside else Blame("", "the system")
        frames = list(reversed(traceback.extract_tb(error.__traceback__)))
        if found.path not in self.specs:
            files = {os.path.realpath(inspect.getfile(type(spec))): path for path, spec in reversed(self.specs.items())}
            hit = next((files[file] for frame in frames if (file := os.path.realpath(frame.filename)) in files), "")
            found = self.at(hit) if hit else found
        return Blame(found.path, found.told, _line(frames, self.specs.get(found.path)))


def check_shapes(system: System, parts: Parts) -> None:
    """Raises StudyError where a part waits for its first batch to know its shapes: no seed is its own then."""
    for name, tensor in (*system.named_parameters(), *system.named_buffers()):
        if is_lazy(tensor):
            part, owner = parts.at(name), name.rpartition(".")[0]
            told = f"{part.told} has a lazy layer, {owner}, whose shapes are not known before the first batch"
            remedy = "name its inputs, as in nn.Linear(inputs, outputs) for nn.LazyLinear(outputs)"
            raise StudyError(Finding(told, path=part.path, remedy=remedy, code="BF411"))


def _selves(trace: TracebackType | None) -> list[object]:
    """Every `self` on the way to an error, the outermost first."""
    return [frame.f_locals["self"] for frame, _ in traceback.walk_tb(trace) if "self" in frame.f_locals]


def _line(frames: list[traceback.FrameSummary], spec: Spec | None) -> str:
    """FILE:LINE of the part's own file, else of the innermost file that is neither core's nor torch's."""
    own = os.path.realpath(inspect.getfile(type(spec))) if spec is not None else ""
    inside = [frame for frame in frames if os.path.realpath(frame.filename) == own]
    outside = [frame for frame in frames if not is_machinery(frame.filename)]
    frame = next(iter(inside or outside), None)
    return "" if frame is None else f"{shown(frame.filename)}:{frame.lineno}"


def shown(file: str) -> str:
    """A file as people know it from where they stand."""
    path = Path(file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@cache
def is_machinery(file: str) -> bool:
    """Whether a file is core's, torch's, or of the libraries that come with Python or hold numbers."""
    path = Path(file)
    return any(path.is_relative_to(folder) for folder in _MACHINERY)
