"""The run store: every finished trial in one SQLite file, written at once and never lost, doubled or overwritten.

`save` returns after the commit has reached the disk (write-ahead log, synchronous=FULL), so a result that was
acknowledged is there after a kill. Writers begin with BEGIN IMMEDIATE: they queue instead of failing half-way.
Predictions lie beside the store in files of their own (`core.predictions`).
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from sqlalchemy import (
    JSON,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from .database import WRITE, connect_to, damaged, explained
from .errors import StoreError
from .records import RecordError, result_of, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

    from sqlalchemy import Connection, Engine

    from .results import State, TrainResult

VERSION = 1
"""Of the tables below; a store says which one it has."""
_CHUNK = 1000

_SCHEMA = MetaData()
_version = Table("butfor_store", _SCHEMA, Column("version", Integer, primary_key=True))
_trials = Table(
    "trials",
    _SCHEMA,
    Column("key", String(128), primary_key=True),
    Column("cell", String(128), nullable=False, index=True),
    Column("seed", Integer, nullable=False),
    Column("fold", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("selected_epoch", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("splits", JSON, nullable=False),
    Column("curve", JSON, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    Column("finished_at", String(32), nullable=False),
)
_metrics = Table(
    "metrics",
    _SCHEMA,
    Column("key", ForeignKey(_trials.c.key), primary_key=True),
    Column("split", String(255), primary_key=True),
    Column("metric", String(255), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("value", Double),
)
_studies = Table(
    "studies",
    _SCHEMA,
    Column("study", String(255), primary_key=True),
    Column("key", ForeignKey(_trials.c.key), primary_key=True, index=True),
)


class Store:
    """The finished trials of one or several studies. Open it with `Store.open`, close it or use it in a `with`."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine

    @classmethod
    def open(cls, path: Path | str, *, create: bool = True) -> Self:
        """Open the store at `path`, with its folders and tables where they are missing and `create` says so.

        Raises StoreError when there is none, when it cannot be read or written, is damaged, or is of another version.
        """
        path = Path(path).resolve()
        if not create and not path.exists():
            raise StoreError(f"there are no results at '{path}'; `butfor run` makes them")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder '{path.parent}': {error.strerror or error}") from error
        store = cls(path, connect_to(path))
        try:
            store._prepare()
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

    def save(
        self, result: TrainResult, study: str, settings: Mapping[str, Any], *, replace_failed: bool = False
    ) -> bool:
        """Keep `result` and that `study` asked for it, in one transaction; returns once both are on the disk.

        The first result of a key stays: a done one always, any other until `replace_failed` lets a later one take its
        place. Answers whether this result is the one that is kept. Raises StoreError when it cannot be written.
        """
        try:
            trial, metrics = row_of(result, settings)
        except RecordError as error:
            raise StoreError(f"trial '{result.key}' cannot be stored: {error}") from error
        trial["finished_at"] = datetime.now(UTC).isoformat(timespec="microseconds")
        with self._transaction(write=True) as connection:
            state = connection.scalar(select(_trials.c.state).where(_trials.c.key == result.key))
            wanted = state is None or (replace_failed and state != "done")
            if state is None:
                connection.execute(insert(_trials), trial)
            elif wanted:
                connection.execute(delete(_metrics).where(_metrics.c.key == result.key))
                connection.execute(update(_trials).where(_trials.c.key == result.key), trial)
            if wanted and metrics:
                connection.execute(insert(_metrics), metrics)
            _ask(connection, study, [result.key])
        return wanted

    def share(self, study: str, keys: Iterable[str]) -> None:
        """Note that `study` asks for those of `keys` that are here already, trained for it or for another study."""
        with self._transaction(write=True) as connection:
            for chunk in _chunks(keys):
                here = connection.scalars(select(_trials.c.key).where(_trials.c.key.in_(chunk))).all()
                _ask(connection, study, here)

    def studies(self) -> dict[str, int]:
        """{study: number of its trials that are here}."""
        counts: dict[str, int] = {}
        with self._transaction() as connection:
            for study in connection.scalars(select(_studies.c.study).order_by(_studies.c.study)):
                counts[study] = counts.get(study, 0) + 1
        return counts

    def states(self, keys: Iterable[str]) -> dict[str, State]:
        """{key: state} for those of `keys` that are here."""
        found: dict[str, State] = {}
        with self._transaction() as connection:
            for chunk in _chunks(keys):
                rows = connection.execute(select(_trials.c.key, _trials.c.state).where(_trials.c.key.in_(chunk)))
                found.update((key, cast("State", state)) for key, state in rows)
        return found

    def settings(self, key: str) -> dict[str, Any]:
        """The resolved settings that trial `key` was trained with. Raises StoreError when it is not here."""
        with self._transaction() as connection:
            found = connection.scalar(select(_trials.c.settings).where(_trials.c.key == key))
        if found is None:
            raise StoreError(f"there is no trial '{key}' in '{self.path}'")
        return dict(found)

    def load(self, keys: Iterable[str]) -> list[TrainResult]:
        """The results of those of `keys` that are here, in that order and without predictions; one moment's state."""
        loaded: list[TrainResult] = []
        with self._transaction() as connection:
            for chunk in _chunks(keys):
                trials = connection.execute(select(_trials).where(_trials.c.key.in_(chunk))).mappings()
                rows = {row["key"]: row for row in trials}
                values: dict[str, list[tuple[str, str, float | None]]] = {key: [] for key in rows}
                wanted = select(_metrics.c.key, _metrics.c.split, _metrics.c.metric, _metrics.c.value)
                ordered = wanted.where(_metrics.c.key.in_(chunk)).order_by(_metrics.c.key, _metrics.c.place)
                for key, *value in connection.execute(ordered):
                    values[key].append(cast("tuple[str, str, float | None]", tuple(value)))
                loaded.extend(result_of(dict(rows[key]), values[key]) for key in chunk if key in rows)
        return loaded

    def _prepare(self) -> None:
        """Check the file and make the tables of a new one; two processes that do so at once take turns."""
        with self._transaction(write=True) as connection:
            verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
            if verdict != "ok":
                raise damaged(self.path, str(verdict))
            tables = inspect(connection).get_table_names()
            if not tables:
                _SCHEMA.create_all(connection)
                connection.execute(insert(_version), {"version": VERSION})
                return
            found = connection.scalar(select(_version.c.version)) if _version.name in tables else None
        if found is None:
            raise StoreError(f"'{self.path}' is a database, but no run store of butfor; name another file")
        if found != VERSION:
            raise StoreError(
                f"'{self.path}' is a run store of version {found}, and this butfor reads version {VERSION}: "
                "use the butfor that wrote it or a newer one, or another --out"
            )

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[Connection]:
        """A connection inside a transaction, committed at the end; what the database complains of is a StoreError."""
        try:
            with self._engine.connect().execution_options(**{WRITE: write}) as connection, connection.begin():
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise explained(self.path, error) from error


def _ask(connection: Connection, study: str, keys: Iterable[str]) -> None:
    for chunk in _chunks(keys):
        known = select(_studies.c.key).where(_studies.c.study == study, _studies.c.key.in_(chunk))
        new = set(chunk).difference(connection.scalars(known))
        if new:
            connection.execute(insert(_studies), [{"study": study, "key": key} for key in sorted(new)])


def _chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    """Distinct keys in their order, few enough at a time for one statement."""
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), _CHUNK):
        yield distinct[start : start + _CHUNK]
