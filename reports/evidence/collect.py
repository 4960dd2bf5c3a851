"""All evidence of trained trials, drawn anew when they are other trials than when it was written down."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from ...core.errors import StoreError
from ...core.evidence_records import evidence_identities, keep_evidence, kept_evidence
from ...core.predictions import PREDICTIONS, read_predictions
from ...core.store import Store, store_of
from .groups import group_evidence
from .proxy import proxy_evidence
from .pull import pull_evidence
from .same import prints, same_evidence
from .schedules import schedule_evidence
from .seen import Seen
from .unmoved import unmoved_evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from ...core.evidence import Evidence, Phase
    from ...core.study.plan import Plan
    from .seen import Predictions

FORMAT = 2
"""Counted up where the same trials give other evidence."""
_KEPT = 512


def during(seen: Seen) -> tuple[Evidence, ...]:
    """What training showed."""
    return tuple(chain(pull_evidence(seen), schedule_evidence(seen), unmoved_evidence(seen)))


def after(seen: Seen) -> tuple[Evidence, ...]:
    """What the results show."""
    return tuple(chain(same_evidence(seen, prints(seen)), proxy_evidence(seen), group_evidence(seen)))


_PHASES: Mapping[Phase, Callable[[Seen], tuple[Evidence, ...]]] = {"during": during, "after": after}


def refresh(plan: Plan, out: Path) -> tuple[Evidence, ...]:
    """Evidence from during and after training of the study's trials in the store, kept there.

    It is drawn anew only where the trials, or what the plan says of them, have changed. A store that cannot be written
    to costs nothing but the keeping. Raises StoreError for one that cannot be read.
    """
    keys = [trial.key for trial in plan.trials]
    cells = [cell.key for cell in plan.cells]
    with Store.open(store_of(out), create=False, check=False) as store:  # what is read is checked
        standing = store.standing(keys)
        identity = _identity(plan, standing)
        found: list[Evidence] = []
        seen: Seen | None = None
        for phase, look in _PHASES.items():
            known = evidence_identities(store, plan.study, phase)
            if all(known.get(cell) == identity for cell in cells):
                found += kept_evidence(store, plan.study, phase, cells)
                continue
            seen = seen or Seen(plan, store.load(keys), _reader(out, standing))
            fresh = look(seen)
            found += fresh
            try:
                keep_evidence(store, plan.study, phase, cells, fresh, identity=identity)
            except StoreError:
                continue
    return tuple(found)


def _identity(plan: Plan, standing: Mapping[str, Mapping[str, Any]]) -> str:
    """A hash of all that the evidence follows from."""
    told = plan.model_dump(mode="json", include={"baseline", "cells", "metrics", "leaks"})
    rows = sorted((key, row["state"], row["sha256"]) for key, row in standing.items())
    return hashlib.sha256(json.dumps([FORMAT, told, rows], sort_keys=True).encode()).hexdigest()[:32]


def _reader(out: Path, standing: Mapping[str, Mapping[str, Any]]) -> Callable[[str], Predictions]:
    @lru_cache(maxsize=_KEPT)
    def read(key: str) -> Predictions:
        row = standing.get(key)
        if row is None or not row["predictions"]:
            return {}
        try:
            return read_predictions(out / PREDICTIONS, key, row["predictions"])
        except StoreError:  # gone or damaged: `butfor store` tells of it
            return {}

    return read
