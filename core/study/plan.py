"""What a study means, written down: its cells, designs and trials as plain data that reports can read without torch."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..specs import Settings

DesignKind = Literal["leave_one_out", "one_at_a_time", "factorial", "ladder", "subsets", "zip", "cells"]
Level = str | float | int | bool | None


class TableSettings(Settings):
    """A table that the study asks for."""

    design: str
    """The design whose cells are the rows."""
    metrics: tuple[str, ...] = ()
    """Columns; empty takes the metrics of the selection and the first few of each task."""
    split: str = "test"
    """Which part of the data the metrics are of."""
    caption: str = ""
    """Text above the table; empty makes one."""
    decimals: int = Field(default=3, ge=0, le=8)
    """Digits behind the point; with `percent`, metrics that are no rates get two more."""
    percent: bool = False
    """Multiply rates (accuracy, F1) by 100."""


class PlannedCell(Settings):
    """A cell: one system that is trained over all seeds and folds."""

    key: str
    """Hash of the settings."""
    label: str
    """How it reads in a table."""
    settings: dict[str, Any]
    """Resolved settings, defaults included."""
    differs: dict[str, Any] = Field(default_factory=dict)
    """{path: value} against the baseline."""


class PlannedRow(Settings):
    """A cell as it stands in one design: a cell that two designs share has a row in each."""

    cell: str
    """Key of the cell."""
    label: str
    """How it reads in this design's table."""
    levels: dict[str, Level] = Field(default_factory=dict)
    """{factor: level}. For components: True kept, False removed. Else the level's label."""
    baseline: bool = False
    """Whether this is the baseline's row."""


class PlannedDesign(Settings):
    """A design and its rows, in the order of the table."""

    name: str
    """The name in the study."""
    kind: DesignKind
    """Which design."""
    factors: tuple[str, ...] = ()
    """Names of the columns that say what varies, in order; those whose levels are all bool print as ticks."""
    rows: tuple[PlannedRow, ...]
    """The baseline's row is marked; it comes first in leave_one_out, one_at_a_time and subsets."""


class PlannedTrial(Settings):
    """A cell trained with one seed on one fold."""

    key: str
    """Hash of all that decides the numbers."""
    cell: str
    """Key of the cell."""
    seed: int
    """Trial seed."""
    fold: str
    """Name of the fold."""


class PlannedMetric(Settings):
    """A metric as tables need it."""

    name: str
    """As in the tidy frame."""
    higher_is_better: bool
    """Direction."""
    rate: bool = False
    """Whether it lies in [0, 1] and may be printed as a percentage."""


class Plan(Settings):
    """The whole study, written next to its results as `plan.json`."""

    study: str
    """Name of the study."""
    source: str = ""
    """The file it was read from."""
    baseline: str
    """Key of the baseline's cell."""
    cells: tuple[PlannedCell, ...]
    """Every distinct cell."""
    designs: tuple[PlannedDesign, ...] = ()
    """Every design."""
    tables: tuple[TableSettings, ...] = ()
    """Every table: those asked for, else one for each design."""
    trials: tuple[PlannedTrial, ...] = ()
    """Every distinct trial."""
    metrics: tuple[PlannedMetric, ...] = ()
    """The metrics of the tasks, in the order of importance: those of the selection come first."""
