"""What was looked at while seeds were added by results stays paid for, in every later plan that has those trials.

`run --until-settled` writes into its plan which trials it looked at, and how. A later run reads that back: where a
table has one of these trials again, its p and intervals are corrected for all looks, its own number of seeds among
them. With other seeds, other data or other settings the trials are others, and nothing is owed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ..core.study.plan import Looked
from .rebuild import PLAN, study_folder
from .statistics.procedure import looks_of
from .statistics.small_n import FEWEST_FOR_P

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from ..core.study.plan import Plan, SequentialSettings, TableSettings

_NOTHING = b'"looked": []'


def with_looks(plan: Plan) -> Plan:
    """The plan, telling that its tables with `sequential` are looked at."""
    return plan.model_copy(update={"looked": _merged([*plan.looked, *_records(plan, plan.tables)])})


def remembered(plan: Plan, out: Path) -> Plan:
    """The plan, with what earlier plans of the study in `out` looked at, and with tables that are corrected for it."""
    earlier = _merged([*plan.looked, *_earlier(study_folder(plan.study, out) / PLAN)])
    if not earlier:
        return plan
    tables = [_corrected(plan, table, earlier) for table in plan.tables]
    changed = [after for before, after in zip(plan.tables, tables, strict=True) if after is not before]
    looked = _merged([*earlier, *_records(plan, changed)])
    return plan.model_copy(update={"looked": looked, "tables": tuple(tables)})


def still_paid_for(asked: Plan, plan: Plan) -> str:
    """A sentence on the tables that the study did not ask to be corrected for looks, and that are; empty for none."""
    changed = [
        after.design
        for before, after in zip(asked.tables, plan.tables, strict=True)
        if before.statistics.sequential != after.statistics.sequential
    ]
    if not changed:
        return ""
    return (
        f"{', '.join(dict.fromkeys(changed))}: `run --until-settled` looked at these trials and added seeds by "
        "results, so p and intervals stay corrected for every look; `butfor run --until-settled` tables all its seeds"
    )


def _earlier(path: Path) -> tuple[Looked, ...]:
    """What a plan on the disk tells; nothing where there is none, or where it is damaged and gets replaced."""
    try:
        raw = path.read_bytes()
        if b'"looked":' not in raw or _NOTHING in raw:  # most plans: a large one is not parsed for that
            return ()
        return tuple(Looked.model_validate_json(json.dumps(one)) for one in json.loads(raw)["looked"])
    except (OSError, ValueError, ValidationError, KeyError, TypeError):
        return ()


def _records(plan: Plan, tables: Iterable[TableSettings]) -> list[Looked]:
    return [
        Looked(sequential=table.statistics.sequential, trials=tuple(_trials(plan, table)))
        for table in tables
        if table.statistics.sequential is not None
    ]


def _merged(looked: Iterable[Looked]) -> tuple[Looked, ...]:
    """One for each way of looking, with all of its trials."""
    found: dict[SequentialSettings, dict[str, None]] = {}
    for one in looked:
        found.setdefault(one.sequential, {}).update(dict.fromkeys(one.trials))
    return tuple(Looked(sequential=how, trials=tuple(trials)) for how, trials in found.items())


def _corrected(plan: Plan, table: TableSettings, looked: Collection[Looked]) -> TableSettings:
    """The table, sharing alpha among all looks that were taken at any of its trials; itself where that is so."""
    trials = set(_trials(plan, table))
    ways = [one.sequential for one in looked if not trials.isdisjoint(one.trials)]
    if not ways:
        return table
    own = table.statistics.sequential
    base = own or max(ways, key=lambda way: len(looks_of(way)))
    counts = {count for way in ways for count in looks_of(way)} | {_seeds(plan, table)}
    more = sorted(count for count in counts - set(looks_of(base)) if count >= FEWEST_FOR_P)
    method = "anytime" if all(way.method == "anytime" for way in [base, *ways]) else "group"
    changed = base.model_copy(update={"also": (*base.also, *more), "method": method})
    if changed == own:
        return table
    return table.model_copy(update={"statistics": table.statistics.model_copy(update={"sequential": changed})})


def _seeds(plan: Plan, table: TableSettings) -> int:
    """The most seeds that a row is compared over with the baseline."""
    seeds: dict[str, set[int]] = {}
    for trial in plan.trials:
        seeds.setdefault(trial.cell, set()).add(trial.seed)
    home = seeds.get(plan.baseline, set())
    return max((len(home & seeds.get(cell, set())) for cell in _cells(plan, table) - {plan.baseline}), default=0)


def _trials(plan: Plan, table: TableSettings) -> list[str]:
    """Keys of the trials of a table: of its rows, and of the baseline that they are held against."""
    cells = _cells(plan, table)
    return [trial.key for trial in plan.trials if trial.cell in cells]


def _cells(plan: Plan, table: TableSettings) -> set[str]:
    return {plan.baseline, *(row.cell for design in plan.designs if design.name == table.design for row in design.rows)}
