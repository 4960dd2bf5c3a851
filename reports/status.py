"""How a study stands: what is done, what failed and why, what is left. Needs no torch and no plugin."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ..core.leases import process_of
from ..core.schema import runners, studies, trials
from ..core.store import UNFINISHED
from .text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.store import Store
    from ..core.study.plan import Plan

STATES = ("done", "failed", "diverged", "collapsed", "running", "pending")
_LARGE = 90  # up to here the smaller unit reads better


@dataclass(frozen=True, slots=True)
class Status:
    """A study at one moment."""

    study: str
    counts: Mapping[str, int]
    """{state: number of its trials}; what a dead runner held is pending."""
    failures: Sequence[Mapping[str, Any]]
    """A row for each trial that ended and is not done."""
    retried: int
    """Trials whose training was begun more than once."""
    runners: Sequence[Mapping[str, Any]]
    """Those at work: host, pid, since, trials."""
    seconds_left: float | None
    """Until all have ended, as fast as it goes now; None while nothing is known."""
    older: Mapping[str, int]
    """{why: number} of finished trials of this study that the plan does not ask for any more."""


def status_of(plan: Plan, store: Store) -> Status:
    """What the store says of the trials of `plan`."""
    rows = store.standing(trial.key for trial in plan.trials)
    alive = [dict(row) for row in store.do(lambda c: c.execute(select(runners)).mappings().all())]
    alive = [row for row in alive if not process_of(row).has_ended()]
    owners = {row["owner"] for row in alive}
    states = {trial.key: _state(rows[trial.key], owners) if trial.key in rows else "pending" for trial in plan.trials}
    counted = Counter(states.values())
    held = Counter(rows[key]["owner"] for key, state in states.items() if state == "running")
    return Status(
        plan.study,
        {state: counted[state] for state in STATES},
        _failures(plan, rows),
        sum(row["attempts"] > 1 for row in rows.values()),
        [
            {
                "host": row["host"].partition(" ")[0],
                "pid": row["pid"],
                "since": row["since"],
                "trials": held[row["owner"]],
            }
            for row in alive
            if held[row["owner"]]
        ],
        _seconds_left(plan, rows, [row for row in alive if held[row["owner"]]]),
        _older(plan, store),
    )


def as_json(status: Status) -> dict[str, Any]:
    """For programs."""
    return {
        "study": status.study,
        "trials": sum(status.counts.values()),
        **status.counts,
        "retried": status.retried,
        "older": dict(status.older),
        "seconds_left": status.seconds_left,
        "runners": list(status.runners),
        "failures": list(status.failures),
    }


def as_text(status: Status) -> str:
    """For people."""
    total = sum(status.counts.values())
    told = [f"{number} {state}" for state, number in status.counts.items() if number or state == "done"]
    lines = [f"{status.study}: {total} trials: {', '.join(told)}"]
    if status.counts["done"] < total and status.seconds_left is not None:
        lines.append(f"about {_duration(status.seconds_left)} left" + ("" if status.runners else " on one worker"))
    lines += [
        f"running: {row['trials']} trials by process {row['pid']} on {row['host']}, since {row['since'][:19]} UTC"
        for row in status.runners
    ]
    if status.retried:
        lines.append(f"{status.retried} trials were begun more than once")
    if status.older:
        reasons = ", ".join(f"{number} {why}" for why, number in status.older.items())
        lines.append(f"{sum(status.older.values())} rows of older versions are kept and not shown: {reasons}")
    for row in status.failures:
        log = f" (log: {row['log']})" if row["log"] else ""
        where = f"{row['label']}, seed {row['seed']}, fold {row['fold']}"
        lines.append(f"{row['class']}: {where}: {row['message']}{log} [{row['key']}]")
    if status.failures:
        lines.append("`butfor run --retry-failed` trains these again")
    return "\n".join(plain(line) for line in lines)


def _state(row: Mapping[str, Any], owners: set[str]) -> str:
    return "pending" if row["state"] == "running" and row["owner"] not in owners else str(row["state"])


def _failures(plan: Plan, rows: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    labels = {cell.key: plain(cell.label) for cell in plan.cells}
    ended = [rows[trial.key] for trial in plan.trials if trial.key in rows]
    return [
        {
            "cell": row["cell"],
            "label": labels.get(row["cell"], row["cell"]),
            "seed": row["seed"],
            "fold": row["fold"],
            "state": row["state"],
            "class": row["kind"] or row["state"],
            "message": row["message"],
            "log": row["log"],
            "attempts": row["attempts"],
            "key": row["key"],
        }
        for row in ended
        if row["state"] not in {"done", *UNFINISHED}
    ]


def _seconds_left(
    plan: Plan, rows: Mapping[str, Mapping[str, Any]], alive: Sequence[Mapping[str, Any]]
) -> float | None:
    """By the pace since the first of the runners at work began; with none, by the mean time of a trial of its cell."""
    ended = [row for row in rows.values() if row["state"] not in UNFINISHED]
    left = [trial for trial in plan.trials if trial.key not in rows or rows[trial.key]["state"] in UNFINISHED]
    if not left or not ended:
        return None if left else 0.0
    if alive:
        since = min(row["since"] for row in alive)
        lately = sum(1 for row in ended if row["finished_at"] >= since)
        passed = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
        if lately and passed > 0:
            return passed / lately * len(left)
    times: dict[str, list[float]] = {}
    for row in ended:
        times.setdefault(row["cell"], []).append(row["seconds"])
    usual = fmean(row["seconds"] for row in ended)
    total: float = sum(fmean(times.get(trial.cell, [usual])) for trial in left)
    return total


def _older(plan: Plan, store: Store) -> dict[str, int]:
    """Finished trials that were asked for by this study once, by what has changed since."""
    present = {trial.key for trial in plan.trials}
    short = select(trials.c.key, trials.c.cell, trials.c.seed, trials.c.fold, trials.c.identity)
    mine = short.join(studies).where(studies.c.study == plan.study, trials.c.state.not_in(UNFINISHED))
    rows = store.do(lambda c: [dict(row) for row in c.execute(mine).mappings()])
    now = {(row["cell"], row["seed"], row["fold"]): row["identity"] for row in rows if row["key"] in present}
    cells = {cell.key for cell in plan.cells}
    seeds = {trial.seed for trial in plan.trials}
    counted: Counter[str] = Counter()
    for row in rows:
        if row["key"] not in present:
            counted[_reason(row, cells, seeds, now.get((row["cell"], row["seed"], row["fold"])))] += 1
    return dict(counted.most_common())


def _reason(row: Mapping[str, Any], cells: set[str], seeds: set[int], identity: str | None) -> str:
    if row["cell"] not in cells:
        return "with settings that no cell has now"
    if row["seed"] not in seeds:
        return "of seeds that are not asked for now"
    if identity is None:
        return "of another version of butfor, of a plugin, or of the data"
    then, now = json.loads(row["identity"]), json.loads(identity)
    changed = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    return f"of another {', '.join(changed)}" if then and changed else "of other data, folds or versions"


def _duration(seconds: float) -> str:
    if seconds < _LARGE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < _LARGE else f"{minutes // 60} h {minutes % 60} min"
