"""Everything that the page of a study tells of, read from its plan and its store at one moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from ...core.evidence_records import kept_evidence
from ...core.schema import trials
from ...core.store import Store, chunks, store_of
from ..material import Material, material_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from ...core.evidence import Evidence
    from ...core.study.plan import Plan


@dataclass(frozen=True, slots=True)
class Facts:
    """One study at one moment."""

    material: Material
    evidence: tuple[Evidence, ...] = ()
    """What shows whether its ablations took effect."""
    identities: Sequence[Mapping[str, str]] = ()
    """What besides settings decided the numbers of its trials: each distinct one."""
    finished: Sequence[str] = ()
    """When each of its trials ended, in UTC, in order."""


def facts_of(plan: Plan, out: Path) -> Facts:
    """Read the store. Raises StoreError where there is none, StudyError for tables that cannot be made."""
    keys = [trial.key for trial in plan.trials]
    with Store.open(store_of(out), create=False) as store:
        material = material_of(plan, store.load(keys))
        evidence = kept_evidence(store, plan.study)
        rows = _rows(store, keys)
    cells = {cell.key for cell in plan.cells}
    return Facts(
        material,
        tuple(one for one in evidence if one.cell in cells),
        [json.loads(text) for text in sorted({row["identity"] for row in rows if row["finished_at"]})],
        sorted(row["finished_at"] for row in rows if row["finished_at"]),
    )


def _rows(store: Store, keys: Sequence[str]) -> list[Mapping[str, Any]]:
    """Identity and end of each trial."""
    wanted = select(trials.c.key, trials.c.identity, trials.c.finished_at)

    def act(connection: Connection) -> list[Mapping[str, Any]]:
        found = (connection.execute(wanted.where(trials.c.key.in_(chunk))).mappings() for chunk in chunks(keys))
        return [dict(row) for rows in found for row in rows]

    return store.do(act)
