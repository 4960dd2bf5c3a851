"""Who raised: the part of a cell, the plugin that offers it, and the line of the plugin's own code."""

from __future__ import annotations

import inspect
import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from .structure import components

if TYPE_CHECKING:
    from types import TracebackType

    from ..catalogue import Catalogue
    from ..specs import Spec
    from ..study.settings import CellSettings

_CORE = Path(__file__).parents[1]


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

    def __init__(self, settings: CellSettings, catalogue: Catalogue) -> None:
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
        entry = self._catalogue.entries.get((spec.kind, spec.name))
        origin = f"{entry.distribution} {entry.version}".strip() if entry is not None else type(spec).__module__
        return f"{spec.kind} '{spec.name}' of {origin}"

    def blamed(self, error: BaseException, system: nn.Module | None) -> Blame:
        """The part that raised: the innermost module on the way to the error, else the part whose file it is in."""
        names = {id(module): name for name, module in system.named_modules()} if system is not None else {}
        inside = [names[id(own)] for own in _selves(error.__traceback__) if names.get(id(own))]
        found = self.at(inside[-1]) if inside else Blame("", "the system")
        frames = list(reversed(traceback.extract_tb(error.__traceback__)))
        if found.path not in self.specs:
            files = {os.path.realpath(inspect.getfile(type(spec))): path for path, spec in reversed(self.specs.items())}
            hit = next((files[file] for frame in frames if (file := os.path.realpath(frame.filename)) in files), "")
            found = self.at(hit) if hit else found
        return Blame(found.path, found.told, _line(frames, self.specs.get(found.path)))


def _selves(trace: TracebackType | None) -> list[object]:
    found = []
    while trace is not None:
        found.append(trace.tb_frame.f_locals.get("self"))
        trace = trace.tb_next
    return [own for own in found if isinstance(own, nn.Module)]


def _line(frames: list[traceback.FrameSummary], spec: Spec | None) -> str:
    """FILE:LINE of the part's own file, else of the innermost file that is neither core's nor torch's."""
    own = os.path.realpath(inspect.getfile(type(spec))) if spec is not None else ""
    inside = [frame for frame in frames if os.path.realpath(frame.filename) == own]
    outside = [frame for frame in frames if not _is_machinery(frame.filename)]
    frame = next(iter(inside or outside), None)
    if frame is None:
        return ""
    file = Path(frame.filename)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"{shown}:{frame.lineno}"


def _is_machinery(file: str) -> bool:
    path = Path(file)
    return path.is_relative_to(_CORE) or "torch" in path.parts
