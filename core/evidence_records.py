"""Evidence in the run store: what was seen of every cell of a study, phase by phase, with what it was made from."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import delete, insert, select

from .database import damaged
from .evidence import Evidence
from .records import RecordError, as_json
from .schema import evidence
from .store import chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from typing import Any

    from sqlalchemy import Connection

    from .evidence import Phase
    from .store import Store

_SEALED = ("study", "cell", "phase", "identity", "records")
_RECORDS = TypeAdapter(tuple[Evidence, ...])


def keep_evidence(
    store: Store, study: str, phase: Phase, cells: Collection[str], found: Iterable[Evidence], *, identity: str = ""
) -> None:
    """Write down what was `found` of `cells` in `phase`, in place of what was there; of no record, that it was looked.

    `identity` is a hash of all that the answers follow from: `evidence_identities` tells whether to look again.
    Raises ValueError for a record of another phase or cell, StoreError where it cannot be written.
    """
    by_cell: dict[str, list[Evidence]] = {cell: [] for cell in cells}
    for one in found:
        if one.phase != phase or one.cell not in by_cell:
            raise ValueError(f"evidence of cell '{one.cell}', {one.phase} training, among that of {phase} training")
        by_cell[one.cell].append(one)
    rows = [_row(study, cell, phase, identity, records) for cell, records in by_cell.items()]

    def act(connection: Connection) -> None:
        for chunk in chunks(by_cell):
            old = evidence.c.study == study, evidence.c.phase == phase, evidence.c.cell.in_(chunk)
            connection.execute(delete(evidence).where(*old))
        if rows:
            connection.execute(insert(evidence), rows)

    store.do(act, write=True)


def kept_evidence(
    store: Store, study: str, phase: Phase | None = None, cells: Collection[str] | None = None
) -> tuple[Evidence, ...]:
    """What is written down of a study: of one phase or all, of some `cells` or all; by cell, in the order of phases.

    Raises StoreError for a row that is not what was written.
    """
    wanted = None if cells is None else set(cells)
    found: list[Evidence] = []
    for row in store.do(lambda connection: _rows(connection, study, phase)):
        if wanted is None or row["cell"] in wanted:
            try:
                found += _read(row)
            except RecordError as error:
                raise damaged(store.name, f"evidence of cell '{row['cell']}': {error}") from error
    order = ("before", "during", "after")
    return tuple(sorted(found, key=lambda one: (one.cell, order.index(one.phase))))


def evidence_identities(store: Store, study: str, phase: Phase) -> dict[str, str]:
    """{cell: identity under which its evidence of `phase` was written down} of the cells that were looked at."""
    rows = store.do(lambda connection: _rows(connection, study, phase))
    return {row["cell"]: row["identity"] for row in rows if not _fault(row)}


def evidence_faults(store: Store) -> Iterator[tuple[str, str]]:
    """(study and cell, what is wrong) of every row that is not what was written."""
    for row in store.do(lambda c: [dict(found) for found in c.execute(select(evidence)).mappings()]):
        if wrong := _fault(row):
            yield f"{row['study']}/{row['cell']}", wrong


def _rows(connection: Connection, study: str, phase: Phase | None = None) -> list[dict[str, Any]]:
    asked = select(evidence).where(evidence.c.study == study).order_by(evidence.c.cell, evidence.c.phase)
    found = connection.execute(asked if phase is None else asked.where(evidence.c.phase == phase))
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found.all()]


def _row(study: str, cell: str, phase: Phase, identity: str, records: Iterable[Evidence]) -> dict[str, str]:
    try:
        text = as_json([record.model_dump() for record in records], "evidence")
    except RecordError as error:
        raise ValueError(str(error)) from None
    row = {"study": study, "cell": cell, "phase": phase, "identity": identity, "records": text}
    return row | {"sha256": _digest(row)}


def _digest(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([row[name] for name in _SEALED]).encode()).hexdigest()


def _fault(row: Mapping[str, Any]) -> str:
    """What is wrong with a row; empty where nothing is."""
    try:
        _read(row)
    except RecordError as error:
        return str(error)
    return ""


def _read(row: Mapping[str, Any]) -> tuple[Evidence, ...]:
    """The records of a row. Raises RecordError where it is not what was written."""
    try:
        if _digest(row) != row["sha256"]:
            raise RecordError("it is not what was written: its checksum differs")
        return () if row["records"] == "[]" else _RECORDS.validate_python(json.loads(row["records"]))
    except (TypeError, ValueError, ValidationError):
        raise RecordError("it is no list of evidence of this butfor") from None
