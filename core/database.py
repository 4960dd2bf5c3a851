"""The databases of the run store, SQLite and PostgreSQL: durable, strict, writers in turn; complaints in words."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from .errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

PATIENCE = 60.0
"""Seconds to wait for another process that is writing, or for a server that is away."""
WRITE = "butfor_write"
"""Execution option of a connection whose transactions write."""
_TURN = 8_236_447
"""Number of the advisory lock by which writers on PostgreSQL take turns; with the schema's name, the whole lock."""


def address(where: Path | str) -> Path | URL:
    """The file or the server that `where` names. Raises StoreError for a server that is not PostgreSQL."""
    if isinstance(where, Path) or "://" not in where:
        return Path(where).resolve()
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise StoreError("the address of the store cannot be read: expected postgresql://USER@HOST/DATABASE") from None
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise StoreError(
            f"'{url.render_as_string()}': a store is a file, or a database at postgresql://USER@HOST/DATABASE"
        )
    return url.set(drivername="postgresql+psycopg")


def connect_to(where: Path | URL) -> Engine:
    """An engine for the file or server; connections are durable, strict, and wait for one another."""
    if isinstance(where, Path):
        engine = create_engine(URL.create("sqlite", database=str(where)), connect_args={"timeout": PATIENCE})
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine
    waits = f"-c synchronous_commit=on -c lock_timeout={PATIENCE:.0f}s -c idle_in_transaction_session_timeout=30s"
    try:
        engine = create_engine(where, connect_args={"connect_timeout": 10, "options": waits}, pool_pre_ping=True)
    except ImportError:
        raise StoreError("a store on PostgreSQL needs psycopg: pip install 'butfor[postgres]'") from None
    event.listen(engine, "begin", _begin_on_server)
    return engine


def _begin(connection: Connection) -> None:
    """Writers take the lock at once: a reader that turns writer half-way would be refused."""
    writes = connection.get_execution_options().get(WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_on_server(connection: Connection) -> None:
    """The same on PostgreSQL: writers take turns by an advisory lock, readers see one moment's state."""
    if connection.get_execution_options().get(WRITE, False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN}, hashtext(coalesce(current_schema(), '')))")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


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


def is_away(error: Exception) -> bool:
    """Whether a server broke the connection or cannot be reached just now, so that asking again may help."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    said = str(error.orig)
    return error.connection_invalidated or any(word in said for word in ("connection", "starting up", "shutting down"))


def damaged(name: str, reason: str) -> StoreError:
    """The store cannot be trusted, and what to do."""
    return StoreError(
        f"'{name}' is damaged or no run store ({reason}): `butfor store salvage` keeps every trial that is whole; "
        "or put a copy of it back, or move it away and run again. The predictions beside it are whole"
    )


_DAMAGED = ("not a database", "malformed", "not decode")


def explained(name: str, error: Exception) -> StoreError:
    """What the database says, and what to do about it."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    if is_away(error):
        return StoreError(f"'{name}' cannot be reached ({said}): start the server, then run again; nothing is lost")
    if "locked" in said or "busy" in said or "lock timeout" in said:
        return StoreError(f"'{name}' has been held by another process for {PATIENCE:.0f} s; wait for it or end it")
    if isinstance(error, UnicodeDecodeError) or any(word in said for word in _DAMAGED):
        return damaged(name, said)
    if "readonly" in said or "unable to open" in said or "permission" in said:
        return StoreError(
            f"'{name}' cannot be opened for writing ({said}): check its permissions, or use another --out"
        )
    if "full" in said or "disk I/O" in said or "too large" in said:
        return StoreError(f"'{name}' cannot be written ({said}): make room on the disk and run again; nothing is lost")
    return StoreError(f"'{name}': {said}")
