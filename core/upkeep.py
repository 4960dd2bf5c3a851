"""Upkeep of a run store: what is wrong with it, saving what is whole, making it smaller, forgetting."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from .errors import StoreError
from .evidence_records import evidence_faults
from .leases import process_of
from .predictions import PREDICTIONS, is_key, predictions_file
from .records import SEALED, fault
from .schema import VERSION, evidence, runners, studies, trials
from .store import STORE, UNFINISHED, Store, chunks, faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

_SHORTEST = 20
"""Bytes of the shortest row."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at a store and at the predictions beside it has found."""

    rows: int
    damaged: tuple[str, ...]
    """What is wrong, a line each."""
    orphans: tuple[Path, ...]
    """Files of predictions that no row speaks of; of interrupted writes too."""


def check(store: Store, out: Path) -> Report:
    """Look at every page, every row and every file of predictions. Raises StoreError only where it cannot be read."""
    wrong = [*_pages(store), *(f"trial {key}: {told}" for key, told in store.do(lambda c: list(faults(c))))]
    kept = dict(store.do(lambda c: [tuple(row) for row in c.execute(select(trials.c.key, trials.c.predictions))]))
    for key, sha256 in kept.items():
        if sha256 and is_key(key):
            wrong += _file_faults(predictions_file(out / PREDICTIONS, key), sha256)
    wrong += [f"evidence of {where}: {told}" for where, told in evidence_faults(store)]
    return Report(len(kept), tuple(wrong), tuple(_orphans(out, {key for key, sha256 in kept.items() if sha256})))


def compact(store: Store, out: Path) -> tuple[int, int]:
    """Remove files that no row speaks of and give free pages back; (files removed, bytes saved). None may train now."""
    _alone(store)
    orphans = check(store, out).orphans
    saved = sum(path.stat().st_size for path in orphans)
    for path in orphans:
        path.unlink(missing_ok=True)
    if store.path is not None:
        before = store.path.stat().st_size
        store.close()
        raw = sqlite3.connect(store.path, isolation_level=None, timeout=60)
        try:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.execute("VACUUM")
        except sqlite3.Error as error:
            raise StoreError(f"'{store.name}' could not be made smaller: {error}") from error
        finally:
            raw.close()
        saved += before - store.path.stat().st_size
    return len(orphans), saved


def forgettable(store: Store, study: str, keep: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """(trials of `study` but those of `keep`, those of them that no other study shares)."""
    asked = [key for key in store.standing(study=study) if key not in set(keep)]

    def act(connection: Connection) -> set[str]:
        shared: set[str] = set()
        for chunk in chunks(asked):
            others = select(studies.c.key).where(studies.c.key.in_(chunk), studies.c.study != study)
            shared.update(connection.scalars(others))
        return shared

    shared = store.do(act)
    return asked, [key for key in asked if key not in shared]


def forget(store: Store, out: Path, study: str, keep: Collection[str] = ()) -> int:
    """Remove trials of `study` but those of `keep`, with their predictions; never what another study shares."""
    _alone(store)
    asked, _ = forgettable(store, study, keep)

    def act(connection: Connection) -> list[str]:
        gone: list[str] = []
        for chunk in chunks(asked):
            connection.execute(delete(studies).where(studies.c.study == study, studies.c.key.in_(chunk)))
            shared = set(connection.scalars(select(studies.c.key).where(studies.c.key.in_(chunk))))
            alone = [key for key in chunk if key not in shared]
            connection.execute(delete(trials).where(trials.c.key.in_(alone)))
            gone += alone
        if connection.scalar(select(studies.c.key).where(studies.c.study == study).limit(1)) is None:
            connection.execute(delete(evidence).where(evidence.c.study == study))
        return gone

    gone = store.do(act, write=True)
    for key in gone:
        if is_key(key):
            predictions_file(out / PREDICTIONS, key).unlink(missing_ok=True)
    return len(gone)


def salvage(out: Path) -> tuple[int, int, Path]:
    """Put every trial that is whole in a new store, and the damaged file aside; (kept, lost, where that is).

    A trial that is lost is trained again by the next run. Raises StoreError where nothing can be read.
    """
    path = out / STORE
    if not path.is_file():
        raise StoreError(f"there is no store at '{path}'; one on a server is mended by its own backups")
    aside = path.with_name(f"{path.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}{path.suffix}")
    rows, links, lost = _readable_rows(path)
    fresh = path.with_name(f".{path.stem}.salvaged{path.suffix}")
    fresh.unlink(missing_ok=True)
    with Store.open(fresh) as store:
        store.do(lambda c: [c.execute(trials.insert(), row) for row in rows], write=True)
        known = {row["key"] for row in rows}
        kept = [{"study": study, "key": key} for study, key in links if key in known]
        store.do(lambda c: [c.execute(studies.insert(), link) for link in kept], write=True)
    for end in ("", "-wal", "-shm"):
        if (source := path.with_name(path.name + end)).exists():
            source.rename(aside.with_name(aside.name + end))
    fresh.rename(path)
    return len(rows), lost, aside


def _alone(store: Store) -> None:
    """Raises StoreError while a runner is at work."""
    _nobody([dict(row) for row in store.do(lambda c: c.execute(select(runners)).mappings().all())], store.name)


def _nobody(rows: Collection[Mapping[str, Any]], name: str) -> None:
    for row in rows:
        if not process_of(row).has_ended():
            raise StoreError(f"process {row['pid']} on {row['host'].partition(' ')[0]} trains in '{name}': wait for it")


def _pages(store: Store) -> list[str]:
    if store.path is None:
        return []
    said = store.do(lambda c: c.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all())
    return [" ".join(line.split()) for line in said if line != "ok"]


def _file_faults(path: Path, sha256: str) -> Iterator[str]:
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            yield f"{path}: is not what was written: its checksum differs"
    except OSError as error:
        yield f"{path}: cannot be read: {error.strerror or error}"


def _orphans(out: Path, known: Collection[str]) -> Iterator[Path]:
    folder = out / PREDICTIONS
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        ours = path.suffix == ".safetensors" and is_key(path.stem)
        unfinished = path.suffix == ".part" and path.name.startswith(".")
        if unfinished or (ours and path.stem not in known):
            yield path


def _readable_rows(path: Path) -> tuple[list[dict[str, Any]], list[tuple[str, str]], int]:
    """Rows that are whole and had ended, links, and the number of rows that are not whole; page by page."""
    raw = sqlite3.connect(f"file:{path.as_posix().replace('?', '%3f').replace('#', '%23')}?mode=rw", uri=True)
    raw.row_factory = sqlite3.Row
    try:
        version = raw.execute("SELECT version FROM butfor_store").fetchone()
        if version is None or version[0] != VERSION:
            raise StoreError(f"'{path}' is not of version {VERSION}: nothing in it can be told to be whole")
        _nobody([dict(row) for row in _each(raw, "runners") if row is not None], str(path))
        found = list(_each(raw, "trials"))
        links = [(row["study"], row["key"]) for row in _each(raw, "studies") if row is not None]
    except sqlite3.Error as error:
        raise StoreError(
            f"nothing in '{path}' can be read ({error}): put a copy of it back, or move it away and run again"
        ) from error
    finally:
        raw.close()
    rows = [dict(row) for row in found if row is not None]
    whole = {row["key"]: row for row in rows if _is_whole(row)}
    waits = sum(row["state"] in UNFINISHED for row in rows)
    return list(whole.values()), links, len(found) - len(whole) - waits


def _is_whole(row: dict[str, Any]) -> bool:
    return row["state"] not in UNFINISHED and set(SEALED) <= set(row) and not fault(row)


def _each(raw: sqlite3.Connection, table: str) -> Iterator[sqlite3.Row | None]:
    """Every row of a table by its number; None for one whose page cannot be read."""
    last = _last_number(raw, table)
    for number in range(1, last + 1):
        try:
            row = raw.execute(f"SELECT * FROM {table} NOT INDEXED WHERE rowid = ?", (number,)).fetchone()  # noqa: S608 - our own names
        except (sqlite3.Error, UnicodeDecodeError):
            yield None
        else:
            if row is not None:
                yield row


def _last_number(raw: sqlite3.Connection, table: str) -> int:
    """The largest number of a row; where the page that says so is damaged, more than the file could hold."""
    pages, size = (raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    most = pages * size // _SHORTEST + 10_000
    try:
        said = raw.execute(f"SELECT max(rowid) FROM {table} NOT INDEXED").fetchone()[0] or 0  # noqa: S608 - our own names
    except sqlite3.Error:
        return int(most)
    return min(int(said), int(most))
