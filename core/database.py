"""SQLite as the run store needs it: durable, strict, queueing writers; and its complaints in words to act on."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL

from .errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine

PATIENCE = 60.0
"""Seconds to wait for another process that is writing."""
WRITE = "butfor_write"
"""Execution option of a connection whose transactions write."""


def connect_to(path: Path) -> Engine:
    """An engine for the file at `path`; connections are durable, strict, and wait for one another."""
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": PATIENCE})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Writers take the lock at once: a reader that turns writer half-way would be refused."""
    writes = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    """Make a connection durable and strict; sqlite3's own transactions are switched off in favour of `_begin`."""
    try:
        connection.isolation_level = None
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except BaseException:
        connection.close()
        raise


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a new file to the write-ahead log, which SQLite refuses, without waiting, while another does the same."""
    last = time.monotonic() + PATIENCE
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last:
                raise
            time.sleep(0.02)
        else:
            return


def damaged(path: Path, reason: str) -> StoreError:
    """The file cannot be trusted, and what to do."""
    return StoreError(
        f"'{path}' is damaged or no run store ({reason}): put a copy of it back, or move it away and run again; "
        "the predictions beside it are whole"
    )


def explained(path: Path, error: Exception) -> StoreError:
    """What SQLite says, and what to do about it."""
    said = str(getattr(error, "orig", None) or error)
    if "locked" in said or "busy" in said:
        return StoreError(f"'{path}' has been held by another process for {PATIENCE:.0f} s; wait for it or end it")
    if "not a database" in said or "malformed" in said:
        return damaged(path, said)
    if "readonly" in said or "unable to open" in said:
        return StoreError(
            f"'{path}' cannot be opened for writing ({said}): check its permissions, or use another --out"
        )
    if "full" in said or "disk I/O" in said:
        return StoreError(f"'{path}' cannot be written ({said}): make room on the disk and run again; nothing is lost")
    return StoreError(f"'{path}': {said}")
