"""What a study can show, from the file alone: seeds, comparisons, schedules. Findings here are no errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .fit import place_of
from .locate import locate
from .power import FEWEST_FOR_P, needed_seeds, needed_size, smallest_p
from .problems import Problems
from .settings import Plateau
from .tree import lookup

if TYPE_CHECKING:
    from ..errors import Finding
    from ..specs import Warmup
    from .cell import Cell
    from .plan import PlannedDesign, PlannedRow
    from .study import Study
    from .tree import Place

_TOLD = 4
"""Cells that are named; the rest is counted."""
ALPHA = 0.05
"""The level at which a difference is called settled."""


def lint(study: Study) -> tuple[Finding, ...]:
    """Warnings and notes of a study, in the order of the file."""
    problems = Problems()
    _seeds(study, problems)
    _tests(study, problems)
    _selection_rows(study, problems)
    _without_figures(study, problems)
    for design in study.designs:
        _baseline_is_there(study, design, problems)
        if design.kind == "leave_one_out":
            _one_thing_at_once(study, design, problems)
    for cell in study.cells:
        problems.cell = cell.label
        _patience(cell, problems)
        _warmups(cell, problems)
    problems.cell = ""
    return tuple(problems.known.values())


def _place(study: Study, *path: str | int) -> Place:
    """Where something of the file stands: its key, else what is around it."""
    return locate(study.node, path)[0].head


def _seeds(study: Study, problems: Problems) -> None:
    place, folds = _place(study, "seeds"), study.baseline.settings.splits.num_folds
    if len(study.seeds) > 1:
        return
    if folds == 1:
        problems.add(place, "one seed: no difference can be told from chance", "seeds", code="BF601")
    else:
        told = f"one seed on {folds or 'several'} folds: the folds share it, and most of their training rows"
        problems.add(place, f"{told}; they are no independent runs", "seeds", code="BF608")


def _tests(study: Study, problems: Problems) -> None:
    """Tables whose test cannot reach its alpha, or gives no p at all."""
    folds = study.baseline.settings.splits.num_folds
    rows = {design.name: sum(not row.baseline for row in design.rows) for design in study.designs}
    without_p: dict[str, tuple[int, int]] = {}
    for number, table in enumerate(study.tables):
        asked = table.statistics
        over_folds = asked.test == "nadeau_bengio" or (asked.test == "auto" and folds != 1)
        units = folds if over_folds else len(study.seeds)
        compared = rows.get(table.design, 0) * max(1, len(table.metrics) if asked.family != "column" else 1)
        if asked.test == "none" or not compared or units is None or units <= 1:  # one unit is told of elsewhere
            continue
        if asked.test == "wilcoxon" and smallest_p(units, compared, asked.correction) > asked.alpha:
            place = locate(study.node, ["tables", number, "statistics", "test"])[0].place
            told = f"{units} seeds and {_counted(compared)}: signed ranks can never reach {asked.alpha:g}"
            enough = f"{needed_seeds(compared, asked.alpha, asked.correction)} seeds can"
            problems.add(place, told, f"tables.{number}.statistics.test", enough, code="BF607")
        elif units < FEWEST_FOR_P:
            without_p[table.design] = (units, max(compared, without_p.get(table.design, (0, 0))[1]))
    if without_p:
        _say_without_p(study, without_p, problems)


def _say_without_p(study: Study, tables: dict[str, tuple[int, int]], problems: Problems) -> None:
    """One note for all tables that will show intervals and no p."""
    units, compared = max(tables.values(), key=lambda one: one[1])
    word = "seeds" if units == len(study.seeds) else "folds"
    told = f"{units} {word}: intervals are given, and no p, in {', '.join(repr(name) for name in tables)}"
    size = f"{needed_size(units, compared, ALPHA):.2g} standard deviations of the paired differences"
    told_more = f"with {units}, a difference stands out of {_counted(compared)} from {size} on"
    place, enough = _place(study, word if word == "seeds" else "splits"), f"{FEWEST_FOR_P} {word} are enough for a p"
    problems.add(place, told, word if word == "seeds" else "splits", enough, code="BF614", explanation=told_more)


def _counted(comparisons: int) -> str:
    return f"{comparisons} comparison{'s' if comparisons > 1 else ''}"


def _selection_rows(study: Study, problems: Problems) -> None:
    """Rows that choose the epoch must not be those that are reported."""
    for number, table in enumerate(study.tables):
        if table.split == "valid":
            place = locate(study.node, ["tables", number, "split"])[0].place
            message = f"the table of '{table.design}' shows the rows that chose the epoch"
            problems.add(place, message, f"tables.{number}.split", code="BF602")
    for cell in study.cells:
        problems.cell = cell.label
        tests = [name for name in cell.settings.splits.parts["valid"] if name.startswith("test")]
        if tests:
            message = f"the official test part '{tests[0]}' chooses the epoch"
            problems.add(place_of(cell.node, "splits.parts.valid"), message, "splits.parts.valid", code="BF602")
    problems.cell = ""


def _without_figures(study: Study, problems: Problems) -> None:
    """Cells that read so few modalities that a condition leaves some rows, or all of them, without any."""
    lacking: dict[str, list[str]] = {}
    for cell in study.cells:
        read = set(cell.settings.modalities)
        for condition in study.conditions:
            others = set(condition.among) - read
            if condition.kind == "missing" and (
                read <= set(condition.modalities) or (others and not condition.modalities)
            ):
                which = f":{'+'.join(condition.modalities)}" if condition.modalities else ""
                lacking.setdefault(f"missing:RATE{which}", []).append(cell.label)
    for name, labels in lacking.items():
        cells = list(dict.fromkeys(labels))
        told = ", ".join(f"'{label}'" for label in cells[:_TOLD]) + (
            f" and {len(cells) - _TOLD} more" if len(cells) > _TOLD else ""
        )
        message = f"no figures under {name} for {told}: some rows have nothing left that they read"
        problems.add(_place(study, "evaluate", "missing"), message, "evaluate.missing", code="BF615")


def _baseline_is_there(study: Study, design: PlannedDesign, problems: Problems) -> None:
    if design.rows and not any(row.baseline for row in design.rows):
        where = f"ablations.{design.name}"
        message = f"no row of '{design.name}' is the baseline, '{study.baseline.label}', which it is compared with"
        problems.add(_place(study, "ablations", design.name), message, where, code="BF604")


def _one_thing_at_once(study: Study, design: PlannedDesign, problems: Problems) -> None:
    for row in design.rows:
        differs = study.cell(row.cell).differs
        if len(differs) > 1:
            problems.cell = row.label
            told = f"'{row.label}' leaves out one thing and changes {len(differs)}: {', '.join(differs)}"
            problems.add(_row_place(study, design, row), told, f"ablations.{design.name}", code="BF605")
    problems.cell = ""


def _row_place(study: Study, design: PlannedDesign, row: PlannedRow) -> Place:
    around = locate(study.node, ["ablations", design.name, design.kind])[0]
    return around.children[row.label].head if row.label in around.children else around.head


def _patience(cell: Cell, problems: Problems) -> None:
    """A patience that somebody wrote and that cannot run out; defaults mislead nobody."""
    train = cell.settings.train
    waits = {"train.patience": train.patience}
    if isinstance(train.scheduler, Plateau):
        waits["train.scheduler.patience"] = train.scheduler.patience
    for path, patience in waits.items():
        if patience is not None and patience >= train.epochs and lookup(cell.node, path) is not None:
            message = f"a patience of {patience} never runs out in {train.epochs} epochs"
            problems.add(place_of(cell.node, path), message, path, code="BF609")


def _warmups(cell: Cell, problems: Problems) -> None:
    """Schedules that never reach their end, and weights that never count."""
    schedules: dict[str, Warmup] = {f"losses.{term}.warmup": loss.warmup for term, loss in cell.settings.losses.items()}
    if cell.settings.modality_dropout is not None:
        schedules["modality_dropout.warmup"] = cell.settings.modality_dropout.warmup
    epochs = cell.settings.train.epochs
    for path, warmup in schedules.items():
        reached = warmup.factor(epochs - 1)
        if reached < 1:
            share = "nothing" if reached == 0 else f"{math.floor(100 * reached)} %"
            message = f"reaches {share} of its effect in {epochs} epochs"
            problems.add(place_of(cell.node, path), message, path, code="BF610")
    for term, loss in cell.settings.losses.items():
        if loss.weight == 0:
            path = f"losses.{term}.weight"
            problems.add(place_of(cell.node, path), "the term counts for nothing", path, code="BF611")
