"""Imported runs put beside a study's own results: the plan, and every run in the store."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ...core.leases import Lease
from ...core.records import Entry
from ...core.store import UNFINISHED, Store, store_of
from ..kept_plan import write_plan

if TYPE_CHECKING:
    from pathlib import Path

    from .study import Imported


def keep(imported: Imported, out: Path) -> int:
    """Write the plan and the runs that the store has not yet; how many those were."""
    plan = imported.plan
    write_plan(plan, out)
    settings = {cell.key: cell.settings for cell in plan.cells}
    identity = {"imported": plan.imported, "sha256": hashlib.sha256(imported.file.read_bytes()).hexdigest()}
    entries = [Entry(one.key, one.cell, one.seed, one.fold, settings[one.cell], identity) for one in imported.results]
    with Store.open(store_of(out)) as store:
        store.enlist(plan.study, entries)
        standing = store.states(entry.key for entry in entries)
        waiting = [one for one in imported.results if standing[one.key] in UNFINISHED]
        with Lease(store) as lease:
            lease.claim([one.key for one in waiting])
            for one in waiting:
                lease.finish(one)
    return len(waiting)
