"""Traces of the cells of a study, each program traced once, and what the trainer would do with each cell."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ...metrics import metric_names
from ...study.fit import static_problems
from ...study.settings import CellSettings, TrainSettings
from ...study.tree import from_python
from ..model import System
from ..structure import structure
from .absence import Absence, absence, ignored, is_idle
from .course import course
from .digests import roughly
from .disturbed import disturbed_tests
from .effort import Effort, effort
from .subject import PLAIN, STREAM, Ground, Subject, Way
from .trace import Trace, is_plainly_other, program, trace

if TYPE_CHECKING:
    from ...catalogue import Catalogue
    from ...conditions import Condition
    from ...study.cell import Cell
    from ...study.plan import PlannedMetric
    from ..work import Shelf
    from .course import Part


_ANEW = 6
"""Other initial values that are looked at before a modality is said to reach nothing."""


@dataclass
class Prober:
    """Looks at cells, and at cells with other settings, on the data of the study."""

    shelf: Shelf
    catalogue: Catalogue
    conditions: tuple[Condition, ...] = ()
    """What the study tests under."""
    traces: dict[str, Trace | Exception] = field(default_factory=dict)
    _absences: dict[str, list[Absence]] = field(default_factory=dict)
    """{encoders and fusion: what was seen of systems with them, each with other terms}."""
    _efforts: dict[str, Effort] = field(default_factory=dict)
    _unseen: dict[str, Exception] = field(default_factory=dict)
    """{encoders and fusion: what they raised where a modality was absent}."""
    _dropping: set[str] = field(default_factory=set)
    _grounds: dict[str, Ground] = field(default_factory=dict)
    _data: dict[str, str] = field(default_factory=dict)
    _metrics: dict[str, tuple[PlannedMetric, ...]] = field(default_factory=dict)

    def ground(self, cell: Cell, way: Way = PLAIN) -> Ground:
        """The data of a cell, looked at in some way."""
        settings = cell.settings
        key = f"{cell.data_key} {settings.modalities}"
        if key not in self._grounds:
            data = self.shelf.data(settings.dataset, cell.folder)
            fold = self.shelf.folds(settings.dataset, settings.splits, cell.folder)[0]
            feeds = self.shelf.feeds(settings.dataset, cell.folder)
            feed = feeds.feed(fold, settings.modalities, standardised=settings.dataset.standardise)
            self._grounds[key] = Ground(data, fold, feed, key, tested=disturbed_tests(feed, self.conditions))
        found = self._grounds[key]
        return found._replace(way=way, key=f"{key} {way.number}") if way.number else found

    def trace(self, cell: Cell, settings: CellSettings | None = None, way: Way = PLAIN) -> Trace | None:
        """The trace of a cell, with other `settings` where some are given; None where its parts raise."""
        ground, settings = self.ground(cell, way), settings or cell.settings
        key = program(settings, ground.key)
        if key not in self.traces:
            try:
                trunk = _trunk(settings, ground)
                with roughly(way.number > 0):
                    found, subject = trace(settings, ground, dropping=True if trunk in self._dropping else None)
                self.traces[key] = found
                if found.dropping:
                    self._dropping.add(trunk)
                if settings is cell.settings and not way.number:
                    self._look(settings, ground, subject)
            except Exception as error:  # noqa: BLE001 - whatever a part raises is told by the rehearsal
                self.traces[key] = error
        seen = self.traces[key]
        return seen if isinstance(seen, Trace) else None

    def _look(self, settings: CellSettings, ground: Ground, subject: Subject) -> None:
        """What else the system of a cell shows, unless one that is alike in this has shown it."""
        key = f"{ground.key} {structure(settings)}"
        if key not in self._efforts:
            self._efforts[key] = effort(subject)
        inner = _inner(settings, ground)
        known = self._absences.setdefault(inner, [])
        if not any(found.covers(settings) for found in known):
            try:
                known.append(self._anew(absence(subject), settings, ground))
            except Exception as error:  # noqa: BLE001 - whatever a part raises; the trace holds without it
                self._unseen[inner] = error

    def _anew(self, found: Absence, settings: CellSettings, ground: Ground) -> Absence:
        """The same, less the modalities that do reach a prediction with other initial values."""
        for number in range(1, _ANEW + 1):
            if found.ignored:
                subject = Subject(settings, ground._replace(way=Way(number)))
                subject.move()
                again = ignored(subject, subject.batches[0])
                found = replace(found, ignored={name: found.ignored[name] for name in again if name in found.ignored})
        return found

    def absence(self, cell: Cell) -> Absence | None:
        """What absent modalities do in a cell; None where its parts raise."""
        known = self._absences.get(_inner(cell.settings, self.ground(cell)), [])
        return next((found.of(cell.settings) for found in known if found.covers(cell.settings)), None)

    def failure(self, cell: Cell) -> Exception | None:
        """What the parts of a cell raised when it was looked at."""
        found = self.traces.get(program(cell.settings, self.ground(cell).key))
        return found if isinstance(found, Exception) else None

    def unseen_absence(self, cell: Cell) -> Exception | None:
        """What the parts of a cell raised where a modality was absent, and nowhere else."""
        return None if self.absence(cell) else self._unseen.get(_inner(cell.settings, self.ground(cell)))

    def is_idle_test(self, cell: Cell, condition: Condition) -> bool:
        """Whether a condition of the test changes no prediction of a cell, whatever its initial values."""
        for number in range(_ANEW + 1):
            subject = Subject(cell.settings, self.ground(cell, Way(number)))
            subject.move()
            if not is_idle(subject, condition):
                return False
        return True

    def effort(self, cell: Cell) -> Effort | None:
        """What a step of a cell computes; None where its parts raise."""
        return self._efforts.get(f"{self.ground(cell).key} {structure(cell.settings)}")

    def moves(self, cell: Cell, settings: CellSettings, way: Way = PLAIN) -> bool | None:
        """Whether a cell computes something else with other settings; None where it or they raise."""
        base, ground = self.trace(cell, way=way), self.ground(cell, way)
        if base is None:
            return None
        try:
            with roughly(way.number > 0):
                if program(settings, ground.key) not in self.traces and is_plainly_other(settings, ground, base):
                    return True
        except Exception:  # noqa: BLE001 - a plugin may raise anything for a value nobody wrote
            return None
        found = self.trace(cell, settings, way)
        return None if found is None else not found.equals(base)

    def data(self, cell: Cell) -> str:
        """Hash of the data and of the rows of every fold."""
        if cell.data_key not in self._data:
            settings = cell.settings
            told = hashlib.blake2b(self.shelf.data(settings.dataset, cell.folder).digest().encode(), digest_size=12)
            for fold in self.shelf.folds(settings.dataset, settings.splits, cell.folder):
                for name, rows in (("train", fold.train), ("valid", fold.valid), *fold.tests.items()):
                    told.update(f"{fold.name} {name} {len(rows)}".encode() + rows.tobytes())
            self._data[cell.data_key] = told.hexdigest()
        return self._data[cell.data_key]

    def course(self, cell: Cell) -> Part:
        """What the trainer would do with a cell, besides the weights of its terms."""
        settings = cell.settings
        folds = self.shelf.folds(settings.dataset, settings.splits, cell.folder)
        data = self.shelf.data(settings.dataset, cell.folder)
        terms = f"{cell.data_key} {[(term, spec.resolved()) for term, spec in settings.losses.items()]}"
        if terms not in self._metrics:
            self._metrics[terms] = tuple(metric_names(data.tasks, tuple(System(settings, data, STREAM).head)))
        return course(settings, [len(fold.train) for fold in folds], self._metrics[terms])

    def changed(self, cell: Cell, path: str, value: object) -> CellSettings | None:
        """The settings of a cell with another value at a path; None where that is no legal cell."""
        settings = dict(cell.resolved)
        way, inside = path.split("."), settings
        for step in way[:-1]:
            held = inside.get(step)
            if not isinstance(held, dict):
                return None
            inside[step] = inside = dict(held)
        inside[way[-1]] = value
        return self.validated(cell, settings)

    def validated(self, cell: Cell, settings: dict[str, Any]) -> CellSettings | None:
        """Settings as a cell's, or None where they are not legal."""
        context = {"catalogue": self.catalogue, "folder": cell.folder}
        try:
            found = CellSettings.model_validate(settings, context=context)
            tree = from_python(found)
            return None if any(static_problems(found, tree, tree)) else found
        except Exception:  # noqa: BLE001 - a plugin's validator may raise anything for values it never thought of
            return None


def _inner(settings: CellSettings, ground: Ground) -> str:
    """What decides what absent modalities do, besides the terms."""
    resolved, drop = settings.resolved(), settings.modality_dropout
    parts = [resolved[name] for name in ("encoder", "fusion", "latent", "head")]
    return json.dumps([ground.key, parts, drop.site if drop is not None else None, settings.train.epochs])


def _trunk(settings: CellSettings, ground: Ground) -> str:
    """Encoders and fusion but for the size of knobs: where dropping modalities makes a difference, it always does."""
    bare = settings.model_copy(update={"losses": {}, "train": TrainSettings()})
    return f"{ground.key} {structure(bare)}"
