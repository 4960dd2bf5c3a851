"""A study: what `ablations.yaml` says, checked as a whole, as cells that can be trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..conditions import Condition
from ..errors import Finding, StudyError
from .evaluate import Among, read_conditions
from .layers import declared_plugins, load_text
from .locate import read
from .papers import papers_of
from .plan import Plan, PlannedCell, PlannedDesign, PlannedMetric, TableSettings
from .present import as_html, as_rich, study_rows
from .reading import Reading
from .tree import Node, Place, from_python

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rich.table import Table as RichTable

    from ..catalogue import Catalogue
    from .cell import Cell
    from .trial import Trial

__all__ = ["MAX_TRIALS", "Study", "declared_plugins"]

MAX_TRIALS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A whole study. Made by `parse`, `load` or `from_settings`; all three give the same cells and the same keys."""

    name: str
    source: str
    """The file, as it was named; empty for a study written in Python."""
    seeds: tuple[int, ...]
    baseline: Cell
    cells: tuple[Cell, ...]
    """Every distinct cell, the baseline first."""
    designs: tuple[PlannedDesign, ...]
    tables: tuple[TableSettings, ...]
    """Those asked for, else one for each design."""
    num_cells_at_most: int
    """The number of cells that the designs could have had, counted before any was made."""
    conditions: tuple[Condition, ...] = ()
    """What every cell is tested under besides the clean test."""
    at_test: tuple[Condition, ...] = ()
    """What the baseline alone is tested under: the modalities that rows take away at test time."""
    warnings: tuple[Finding, ...] = ()
    """What is allowed and odd."""
    node: Node = field(default_factory=lambda: Node({}), repr=False)
    """The whole file with its includes."""

    @classmethod
    def parse(
        cls,
        text: str,
        catalogue: Catalogue,
        source: str = "ablations.yaml",
        *,
        max_trials: int = MAX_TRIALS,
        folds: int | None = None,
        only: Collection[str] = (),
        num_seeds: int | None = None,
    ) -> Study:
        """A study from YAML. Raises StudyError with every problem, each with its line and column in `source`.

        `max_trials` limits cells x seeds x folds, and is checked before any cell is made. `folds` is the number of
        folds where only the data know it. `only` names the designs to read; `num_seeds` takes the place of `seeds`.
        """
        return _study(
            read(text, source), catalogue, source, max_trials=max_trials, folds=folds, only=only, num_seeds=num_seeds
        )

    @classmethod
    def load(
        cls,
        path: Path | str,
        catalogue: Catalogue,
        *,
        max_trials: int = MAX_TRIALS,
        folds: int | None = None,
        only: Collection[str] = (),
        num_seeds: int | None = None,
    ) -> Study:
        """A study from a file. Raises StudyError like `parse`, and for a file that cannot be read."""
        try:
            text = load_text(Path(path))
        except OSError as error:
            raise StudyError(Finding(f"cannot be read: {error.strerror}", str(path), code="BF106")) from error
        return cls.parse(text, catalogue, str(path), max_trials=max_trials, folds=folds, only=only, num_seeds=num_seeds)

    @classmethod
    def from_settings(
        cls,
        settings: Mapping[str, object],
        catalogue: Catalogue,
        source: str = "",
        *,
        max_trials: int = MAX_TRIALS,
        folds: int | None = None,
        only: Collection[str] = (),
        num_seeds: int | None = None,
    ) -> Study:
        """A study from Python: the mapping that the file would hold; specs may stand where components do.

        `source` is a file beside which relative paths are meant; without one they are meant from where you are.
        """
        tree = from_python(settings, Place(source))
        return _study(tree, catalogue, source, max_trials=max_trials, folds=folds, only=only, num_seeds=num_seeds)

    def cell(self, key: str) -> Cell:
        """The cell of that key. Raises KeyError."""
        return next(cell for cell in self.cells if cell.key == key)

    def conditions_of(self, cell: Cell) -> tuple[Condition, ...]:
        """What a cell is tested under besides the clean test."""
        return (*self.conditions, *self.at_test) if cell.key == self.baseline.key else self.conditions

    def __rich__(self) -> RichTable:
        return as_rich(*study_rows(self))

    def _repr_html_(self) -> str:
        return as_html(*study_rows(self))

    def plan(self, trials: Sequence[Trial] = (), metrics: Sequence[PlannedMetric] = ()) -> Plan:
        """The study as plain data, for reports and programs."""
        return Plan(
            study=self.name,
            source=self.source,
            baseline=self.baseline.key,
            cells=tuple(
                PlannedCell(key=cell.key, label=cell.label, settings=dict(cell.resolved), differs=dict(cell.differs))
                for cell in self.cells
            ),
            designs=self.designs,
            conditions=tuple(condition.name for condition in self.conditions),
            tables=self.tables,
            trials=tuple(trial.planned() for trial in trials),
            metrics=tuple(metrics),
            papers=papers_of(cell.settings for cell in self.cells),
        )


def _study(
    tree: Node,
    catalogue: Catalogue,
    source: str,
    *,
    max_trials: int,
    folds: int | None,
    only: Collection[str],
    num_seeds: int | None,
) -> Study:
    reading = Reading.of(tree, catalogue)
    name = reading.name()
    seeds = range(num_seeds) if num_seeds is not None else reading.seeds()
    reading.check_plugins()
    maker = reading.maker()
    designs = reading.designs(maker, only)
    at_most = reading.check_size(designs, len(seeds), folds, max_trials)
    cells, planned = reading.expand(maker, designs)
    tables = reading.tables(planned, only, cells)
    read = maker.baseline.settings.modalities if maker.baseline is not None else ()
    among = Among(reading.modalities if reading.has_data else (), read)
    conditions = read_conditions(reading.root.within("evaluate"), among, reading.grammar, reading.problems)
    reading.problems.stop_if_any()
    every = tuple(cells.values())
    warnings = reading.problems.warnings
    removed = dict.fromkeys(row.without for design in planned for row in design.rows if row.without)
    at_test = tuple(Condition("without", 1.0, without, read) for without in removed)
    found = (every[0], every, planned, tables, at_most, conditions, at_test)
    return Study(name, source, tuple(seeds), *found, warnings, reading.root)
