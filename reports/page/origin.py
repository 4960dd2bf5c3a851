"""Where the numbers come from, and how to get them again."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING

from ..numerals import ABSENT
from ..text import json_text, plain
from .labels import labels_of
from .parts import Copy, Listing

if TYPE_CHECKING:
    from ...core.study.plan import Plan
    from .facts import Facts

_SHORT = 12


def provenance(facts: Facts) -> list[Listing]:
    """Versions, machine, dates, and the digest of every part."""
    plan, told = facts.material.plan, facts.identities
    common = {name: sorted({one[name] for one in told if name in one}) for one in told for name in one}
    digest = hashlib.sha256(plan.model_dump_json().encode()).hexdigest()[:16]
    spent = [result.seconds for result in facts.material.results]
    ends = [facts.finished[place][:19].replace("T", " ") for place in (0, -1)] if facts.finished else []
    rows = [
        ("Study", plain(plan.study)),
        ("File", plain(plan.source) or ABSENT),
        ("Plan (sha256)", digest),
    ]
    if not plan.imported:  # when a file was read says nothing of when its runs were trained, or for how long
        rows.append(("Trials ended", f"{' to '.join(ends)} UTC" if ends else ABSENT))
        rows.append(("Training time", f"{sum(spent):,.0f} s, summed over trials"))
    rows += [(_word(name), ", ".join(plain(v) for v in values)) for name, values in common.items() if ":" not in name]
    parts = [(plain(name), ", ".join(plain(v) for v in values)) for name, values in common.items() if ":" in name]
    listings = [Listing("Study and machine", ("What", "Value"), tuple(rows))]
    if parts:
        caption = "Source of each part (a digest of its file)"
        listings.append(Listing(caption, ("Part", "Digest"), tuple(sorted(parts)), frozenset({1})))
    return listings


def _word(name: str) -> str:
    return {"core": "Engine (digest)", "torch": "torch", "butfor": "butfor"}.get(name, plain(name).capitalize())


def baseline_settings(plan: Plan) -> Copy:
    """Every setting of the baseline, defaults included."""
    settings = next((cell.settings for cell in plan.cells if cell.key == plan.baseline), {})
    return Copy("All settings of the baseline", json_text(settings))


def commands(facts: Facts) -> list[Listing]:
    """For each system what trains it, and what trains one of its trials again."""
    plan = facts.material.plan
    file = shlex.quote(plain(plan.source) or "STUDY.yaml")
    if plan.imported:
        rows = (("all", f"butfor import {file}"),)
        return [Listing("Commands", ("System", "Read the runs again"), rows, frozenset({1}))]
    seeds = sorted({trial.seed for trial in plan.trials})
    number = f" --seeds {len(seeds)}" if seeds and seeds == list(range(len(seeds))) else ""
    alone = " --no-stack" if facts.identities and all(one.get("engine") == "one" for one in facts.identities) else ""
    ended = {result.key for result in facts.material.results}
    listed = []
    first = {trial.cell: trial.key for trial in reversed(plan.trials) if trial.key in ended}
    for label, cell, design in _every_row(plan):
        only = f" --only {shlex.quote(plain(design))}" if design else ""
        again = f"butfor rerun {first[cell][:_SHORT]} {file}" if cell in first else ABSENT
        listed.append((plain(label), f"butfor run {file}{only}{number}{alone}", again))
    headings = ("System", "Train it (with its design)", "Train one trial again, and compare")
    return [Listing("Commands", headings, tuple(listed), frozenset({1, 2}))]


def _every_row(plan: Plan) -> list[tuple[str, str, str]]:
    """(label, cell, first design that it stands in) of every row of a table, then of cells that stand in none.

    A row that is tested without a modality is the cell that was trained with it.
    """
    found = {(row.label, row.cell): design.name for design in reversed(plan.designs) for row in design.rows}
    order = dict.fromkeys((row.label, row.cell) for design in plan.designs for row in design.rows)
    shown = {cell for _, cell in order}
    others = [(cell.label, cell.key, "") for cell in plan.cells if cell.key not in shown]
    return [*((label, cell, found[label, cell]) for label, cell in order), *others]


def keys_of(facts: Facts) -> Copy:
    """Every trial with its key, for `butfor rerun`, under its system."""
    plan = facts.material.plan
    labels = labels_of(plan)
    states = {result.key: result.state for result in facts.material.results}
    lines: dict[str, list[str]] = {}
    for trial in plan.trials:
        state = states.get(trial.key, "missing")
        line = f"  {plain(trial.key)}  {state}  seed {trial.seed}  fold {plain(trial.fold)}"
        lines.setdefault(trial.cell, []).append(line)
    told = (line for cell, own in lines.items() for line in (f"{labels.get(cell, cell)}:", *own))
    return Copy("Keys of all trials", "\n".join(told))
