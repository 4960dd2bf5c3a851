"""Who trains what: runners that share a store claim trials before they train them, and only the holder may write.

A claim is held for as long as its runner lives. A runner shows that it lives by counting up its `beat` in the store;
the others take it for dead when they have watched the count stand still for `LEASE` seconds of their own steady clock,
or at once when it was a process of this machine that has ended. No time of day is compared, so a clock that jumps
changes nothing. A runner that was taken for dead and was not has lost its claims: it holds an owner's token that the
rows no longer name, so whatever it writes later changes nothing (a fence), and it joins again under a new token.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import astuple
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import delete, insert, select, update

from .errors import StoreError
from .processes import Process
from .records import digest, outcome_of
from .results import TrainResult
from .schema import runners, trials
from .store import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from sqlalchemy import Connection

    from .predictions import Staged
    from .store import Store

BEAT = 10.0
"""Seconds between two beats."""
LEASE = 60.0
"""Seconds without a beat after which a runner is taken for dead."""
MAX_ATTEMPTS = 5
"""Claims of one trial whose runner died before a result came; then it has failed."""


class Lease:
    """A runner's hold on the trials that it trains; use it in a `with`, which also keeps it beating."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owner = ""
        self._held: dict[str, str] = {}
        self._watch = Watch()
        self._joining = threading.RLock()
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat_on, name="butfor heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._store.do(self._join, write=True)
        self.look()
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what is still held, not counted as an attempt."""
        self._stop.set()
        self._heart.join()
        with suppress(StoreError):
            self._store.do(self._leave, write=True)

    def claim(self, keys: Iterable[str]) -> list[str]:
        """Take those of `keys` that wait, or that this runner holds already, in their order; each is one attempt more.

        A trial that has used up its attempts fails instead.
        """
        wanted = list(keys)

        def act(connection: Connection) -> tuple[list[str], str]:
            living = set(connection.scalars(select(runners.c.owner)))
            owner = self._owner if self._owner in living else self._join(connection)
            taken = []
            for chunk in chunks(wanted):
                columns = select(trials.c.key, trials.c.state, trials.c.owner, trials.c.attempts)
                rows = {row.key: row for row in connection.execute(columns.where(trials.c.key.in_(chunk)))}
                here = [rows[key] for key in chunk if key in rows]
                free = [r for r in here if _is_free(r.state, r.owner, living - {owner})]
                for row in free:
                    if row.attempts >= MAX_ATTEMPTS:
                        _give_up(connection, row.key)
                taken += [row.key for row in free if row.attempts < MAX_ATTEMPTS]
            for chunk in chunks(taken):
                change = {"state": "running", "owner": owner, "attempts": trials.c.attempts + 1}
                connection.execute(update(trials).where(trials.c.key.in_(chunk)).values(change))
            return taken, owner

        with self._joining:
            taken, owner = self._store.do(act, write=True)
        self._held.update(dict.fromkeys(taken, owner))
        return taken

    def finish(self, result: TrainResult, predictions: Staged | None = None) -> bool:
        """Keep the result of a trial that this runner holds, and let go of it; returns once it is on the disk.

        Answers whether it was kept: a claim that was lost writes nothing, nor puts `predictions` in their place.
        Raises RecordError for a value that has no place in a row, StoreError when it cannot be written.
        """
        token = self._held.get(result.key)
        outcome = outcome_of(result) | {"predictions": predictions.sha256 if predictions else "", "finished_at": now()}

        def act(connection: Connection) -> bool:
            found = connection.execute(select(trials).where(trials.c.key == result.key)).mappings().one_or_none()
            if found is None or token is None:
                return False
            sealed = outcome | {"sha256": digest({**found, **outcome})}
            mine = trials.c.key == result.key, trials.c.owner == token, trials.c.state == "running"
            if connection.execute(update(trials).where(*mine).values(**sealed)).rowcount != 1:
                return bool(found["sha256"] == sealed["sha256"])  # a commit whose answer was lost
            if predictions is not None:
                predictions.place()
            return True

        kept = self._store.do(act, write=True)
        self._held.pop(result.key, None)
        if predictions is not None and not kept:
            predictions.drop()
        return kept

    def look(self) -> None:
        """Free what runners hold that have died."""
        rows = self._store.do(lambda connection: connection.execute(select(runners)).mappings().all())
        others = [dict(row) for row in rows if row["owner"] != self._owner]
        for owner, beat in self._watch.dead(others):
            self._store.do(lambda connection, o=owner, b=beat: _bury(connection, o, b), write=True)  # type: ignore[misc]  # bound now, not at the end of the loop

    def _beat_on(self) -> None:
        while not self._stop.wait(BEAT):
            with suppress(StoreError):  # the store may be held or away for a while; what matters is told by the runner
                with self._joining:
                    self._store.do(self._beat, write=True)
                self.look()

    def _beat(self, connection: Connection) -> None:
        mine = runners.c.owner == self._owner
        if connection.execute(update(runners).where(mine).values(beat=runners.c.beat + 1)).rowcount == 0:
            self._join(connection)

    def _join(self, connection: Connection) -> str:
        """A row of its own, under a new token."""
        owner = secrets.token_hex(16)
        host, boot, pid, start = astuple(Process.this())
        row = {"owner": owner, "beat": 0, "pid": pid, "host": host, "boot": boot, "start": start, "since": now()}
        connection.execute(insert(runners), row)
        self._owner = owner
        return owner

    def _leave(self, connection: Connection) -> None:
        held = trials.c.owner == self._owner, trials.c.state == "running"
        change = {"state": "pending", "owner": None, "attempts": trials.c.attempts - 1}
        connection.execute(update(trials).where(*held).values(change))
        connection.execute(delete(runners).where(runners.c.owner == self._owner))


class Watch:
    """Which of the other runners have died, as far as can be seen from here."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}
        self._last = time.monotonic()

    def dead(self, others: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
        """(owner, beat) of those that ended, or stood still for `LEASE`; time counts only while we look."""
        moment = time.monotonic()
        passed, self._last = min(moment - self._last, LEASE / 4), moment
        before, self._seen = self._seen, {}
        found = []
        for row in others:
            owner, beat = row["owner"], row["beat"]
            known, still = before.get(owner, (beat, -passed))
            still = still + passed if known == beat else 0.0
            self._seen[owner] = beat, still
            if still >= LEASE or process_of(row).has_ended():
                found.append((owner, beat))
        return found


def process_of(runner: Mapping[str, Any]) -> Process:
    """The process of a row of `runners`."""
    return Process(runner["host"], runner["boot"], runner["pid"], runner["start"])


def now() -> str:
    """The time of day, for people; nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _is_free(state: str, owner: str | None, others: set[str]) -> bool:
    """Whether a trial waits: nobody trains it, or this runner, or one that is no more."""
    return state == "pending" or (state == "running" and owner not in others)


def _bury(connection: Connection, owner: str, beat: int) -> None:
    """Free what a dead runner held, unless it has shown since that it lives."""
    gone = delete(runners).where(runners.c.owner == owner, runners.c.beat == beat)
    if connection.execute(gone).rowcount:
        held = trials.c.owner == owner, trials.c.state == "running"
        connection.execute(update(trials).where(*held).values(state="pending", owner=None))


def _give_up(connection: Connection, key: str) -> None:
    """Write down that a trial's runners died every time."""
    found = connection.execute(select(trials).where(trials.c.key == key)).mappings().one()
    told = (
        f"its runner died {found['attempts']} times before it ended (killed, out of memory, or a crash of the trial); "
        "`butfor run --retry-failed` tries it again"
    )
    result = TrainResult(key, found["cell"], found["seed"], found["fold"], "failed", told, kind="crashed")
    outcome = outcome_of(result) | {"finished_at": now(), "predictions": ""}
    row = outcome | {"sha256": digest({**found, **outcome})}
    connection.execute(update(trials).where(trials.c.key == key).values(**row))
