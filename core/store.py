"""The run store: every trial in one SQLite file, or on PostgreSQL; never lost, doubled or overwritten.

A write is one transaction, and a call returns after its commit has reached the disk (write-ahead log,
synchronous=FULL), so that what was acknowledged is there after a kill. Writers begin with BEGIN IMMEDIATE: they queue
instead of failing half-way. Who trains what is agreed in `core.leases`. Predictions lie beside the store in files of
their own (`core.predictions`); upkeep is in `core.upkeep`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from . import database
from .database import WRITE, address, connect_to, damaged, explained, is_away
from .errors import StoreError
from .migration import migrate
from .records import EMPTY, STATES, RecordError, fault, pending_rows, result_of
from .schema import SCHEMA, VERSION, studies, trials, version_table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from types import TracebackType

    from sqlalchemy import Connection, Engine, Result
    from sqlalchemy.engine import URL

    from .records import Entry
    from .results import TrainResult

STORE = "store.sqlite"
"""The file of the store in a folder of results."""
SERVER = "BUTFOR_STORE"
"""Name in the environment of the address of a store on PostgreSQL."""
UNFINISHED = ("pending", "running")
_LONG = {"metrics", "settings", "identity", "provenance", "curve"}
_CHUNK = 900

T = TypeVar("T")


def store_of(out: Path) -> Path | str:
    """Where the store of a folder of results is: on the server that the environment names, else in the folder."""
    return os.environ.get(SERVER, "") or out / STORE


class Store:
    """The trials of one or several studies. Open it with `Store.open`, close it or use it in a `with`."""

    def __init__(self, where: Path | URL, engine: Engine) -> None:
        self.path = where if isinstance(where, Path) else None
        self.name = str(where) if isinstance(where, Path) else where.render_as_string(hide_password=True)
        self._engine = engine

    @classmethod
    def open(cls, where: Path | str, *, create: bool = True, check: bool = True) -> Self:
        """Open the store at `where`, a file or the address of a server, and look at every row of a file.

        Folders and tables are made where they are missing and `create` says so. Without `check` what the file holds is
        not looked at, for those who mend it. Raises StoreError when there is none, when it cannot be read or written,
        is damaged, or is of another version.
        """
        place = address(where)
        if isinstance(place, Path):
            if not create and not place.exists():
                raise StoreError(f"there are no results at '{place}'; `butfor run` makes them")
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"cannot make the folder '{place.parent}': {error.strerror or error}") from error
        store = cls(place, connect_to(place))
        try:
            store._prepare(create=create, check=check and store.path is not None)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def do(self, act: Callable[[Connection], T], *, write: bool = False, patient: bool = True) -> T:
        """What `act` gives, called in one transaction that is committed at the end; StoreError for any complaint.

        Where a server is away and we are `patient`, `act` is called again until it is back, for `database.PATIENCE`
        seconds: a commit whose answer was lost may have happened, so `act` must do nothing twice.
        """
        last = time.monotonic() + database.PATIENCE
        while True:
            try:
                with self._engine.connect().execution_options(**{WRITE: write}) as connection, connection.begin():
                    return act(connection)
            except (
                SQLAlchemyError,
                sqlite3.Error,
                UnicodeDecodeError,
            ) as error:  # the last: even what SQLite says is no text
                if not patient or not is_away(error) or time.monotonic() > last:
                    raise explained(self.name, error) from error
                time.sleep(0.5)

    def enlist(self, study: str, entries: Iterable[Entry]) -> None:
        """Note that `study` asks for these trials; those that are not here yet wait."""
        entries = list(entries)
        try:
            rows = {row["key"]: row for row in pending_rows(entries)}
        except RecordError as error:
            raise StoreError(f"trials of '{study}' cannot be stored: {error}") from error

        def act(connection: Connection) -> None:
            for chunk in chunks(rows):
                here = set(connection.scalars(select(trials.c.key).where(trials.c.key.in_(chunk))))
                if new := [rows[key] for key in chunk if key not in here]:
                    connection.execute(insert(trials), new)
                _link(connection, study, chunk)

        self.do(act, write=True)

    def share(self, study: str, keys: Iterable[str]) -> None:
        """Note that `study` asks for those of `keys` that are here already, trained for it or for another study."""
        keys = list(keys)

        def act(connection: Connection) -> None:
            for chunk in chunks(keys):
                here = connection.scalars(select(trials.c.key).where(trials.c.key.in_(chunk))).all()
                _link(connection, study, here)

        self.do(act, write=True)

    def reset(self, keys: Iterable[str]) -> None:
        """Let those of `keys` that ended in anything but `done` wait to be trained again."""
        keys = list(keys)

        def act(connection: Connection) -> None:
            for chunk in chunks(keys):
                ended = trials.c.key.in_(chunk), trials.c.state.not_in(("done", *UNFINISHED))
                connection.execute(update(trials).where(*ended).values(**EMPTY))

        self.do(act, write=True)

    def studies(self) -> dict[str, int]:
        """{study: number of its trials that have ended}."""

        def act(connection: Connection) -> dict[str, int]:
            found = select(studies.c.study, trials.c.state).join(trials).order_by(studies.c.study)
            counts: dict[str, int] = {}
            for study, state in connection.execute(found):
                counts[study] = counts.get(study, 0) + (state not in UNFINISHED)
            return counts

        return self.do(act)

    def states(self, keys: Iterable[str]) -> dict[str, str]:
        """{key: state} for those of `keys` that are here."""
        return {key: row["state"] for key, row in self.standing(keys).items()}

    def standing(self, keys: Iterable[str] | None = None, study: str = "") -> dict[str, Mapping[str, Any]]:
        """{key: its columns that are short} of those of `keys`, or of a study's trials; one moment's state."""
        short = [column for column in trials.columns if column.name not in _LONG]
        asked = None if keys is None else list(keys)

        def act(connection: Connection) -> dict[str, Mapping[str, Any]]:
            if asked is None:
                linked = select(*short).join(studies).where(studies.c.study == study)
                return by_key(connection.execute(linked))
            found: dict[str, Mapping[str, Any]] = {}
            for chunk in chunks(asked):
                found |= by_key(connection.execute(select(*short).where(trials.c.key.in_(chunk))))
            return found

        found = self.do(act)
        for key, row in found.items():
            if row["state"] not in STATES:
                raise damaged(self.name, f"trial '{key}': its state is {row['state']!r}")
        return found

    def row(self, key: str) -> Mapping[str, Any]:
        """All columns of trial `key`. Raises StoreError when it is not here."""
        found = self.do(lambda c: c.execute(select(trials).where(trials.c.key == key)).mappings().one_or_none())
        if found is None:
            raise StoreError(f"there is no trial '{key}' in '{self.name}'")
        return dict(found)

    def load(self, keys: Iterable[str], *, curves: bool = True) -> list[TrainResult]:
        """The results of those of `keys` that have ended, in that order, without predictions; one moment's state.

        Without `curves` they have no curve, and many are read sooner. Raises StoreError for a row that is not what was
        written.
        """
        wanted = list(keys)

        def act(connection: Connection) -> list[TrainResult]:
            loaded = []
            for chunk in chunks(wanted):
                ended = trials.c.key.in_(chunk), trials.c.state.not_in(UNFINISHED)
                rows = by_key(connection.execute(select(trials).where(*ended)))
                loaded += [self._result(rows[key], curves=curves) for key in chunk if key in rows]
            return loaded

        return self.do(act)

    def _result(self, row: Mapping[str, Any], *, curves: bool) -> TrainResult:
        try:
            return result_of(row, curves=curves)
        except RecordError as error:
            raise damaged(self.name, f"trial '{row['key']}': {error}") from error

    def _prepare(self, *, create: bool, check: bool) -> None:
        """Look at the version, make or move the tables where need be, and look at every row of a file."""
        found = self.do(self._version, patient=False)
        if found is None and not create:
            raise StoreError(f"there are no results in '{self.name}'; `butfor run` makes them")
        if found is None or found < VERSION:
            if found is not None and check:
                self.do(self._sound)
            found = self.do(self._made, write=True)
        if found != VERSION:
            raise StoreError(
                f"'{self.name}' is a run store of version {found}, and this butfor reads version {VERSION}: "
                "use the butfor that wrote it or a newer one, or another --out"
            )
        if check:
            self.do(self._sound)
            self.do(self._whole)

    def _version(self, connection: Connection) -> int | None:
        """Version of the tables, or None where there are none yet."""
        there = set(inspect(connection).get_table_names())
        found = connection.scalar(select(version_table.c.version)) if version_table.name in there else None
        if found is None and (there.intersection(SCHEMA.tables) if self.path is None else there):
            raise StoreError(f"'{self.name}' is a database, but no run store of butfor; name another one")
        return found

    def _made(self, connection: Connection) -> int:
        """The version, after the tables of a new store have been made and those of an older one brought over."""
        found = self._version(connection)
        if found is None:
            SCHEMA.create_all(connection)
            connection.execute(insert(version_table), {"version": VERSION})
            return VERSION
        return migrate(connection, found, self.path)

    def _sound(self, connection: Connection) -> None:
        """Whether the file is a database through and through. Its indices too: a lost key would be trained twice."""
        if self.path is not None:
            verdict = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if verdict != "ok":
                raise damaged(self.name, " ".join(str(verdict).split()))

    def _whole(self, connection: Connection) -> None:
        """Whether every row is what was written."""
        for key, wrong in faults(connection):
            raise damaged(self.name, f"trial '{key}': {wrong}")


def faults(connection: Connection) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) of every row that is not what was written."""
    every = connection.execution_options(yield_per=100).execute(select(trials))
    for row in every.mappings():
        if wrong := fault(dict(row)):
            yield str(row["key"]), wrong


def by_key(found: Result[Any]) -> dict[str, Mapping[str, Any]]:
    """{key: row} of trials, as plain mappings: those of SQLAlchemy take twice the time."""
    names = tuple(found.keys())
    place = names.index("key")
    return {row[place]: dict(zip(names, row, strict=True)) for row in found.all()}


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    """Distinct keys in their order, few enough at a time for one statement."""
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), _CHUNK):
        yield distinct[start : start + _CHUNK]


def _link(connection: Connection, study: str, keys: Collection[str]) -> None:
    known = select(studies.c.key).where(studies.c.study == study, studies.c.key.in_(keys))
    new = set(keys).difference(connection.scalars(known))
    if new:
        connection.execute(insert(studies), [{"study": study, "key": key} for key in sorted(new)])
