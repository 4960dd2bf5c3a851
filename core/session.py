"""One run of a study: trains what it can claim, gives failed works a second chance, and waits for what others train."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from .errors import TrainingError
from .failures import failure_of
from .predictions import stage_predictions
from .records import RecordError
from .results import TrainResult
from .store import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from .engine.work import Work, WorkTrial
    from .leases import Lease
    from .store import Store

    Outcome = tuple[Work, TrainResult | BaseException]

POLL = 1.0
"""Seconds between two looks at what others train."""
WORN = 2
"""Attempts after which a trial is trained by itself, after all others: it may be what ends its runners."""


@dataclass
class Session:
    """The trials of a run."""

    store: Store
    lease: Lease
    keys: Sequence[str]
    bundle: Callable[[Sequence[str]], list[Work]]
    """The works that train trials."""
    predictions: Path
    """Folder of the predictions."""
    finished: Callable[[TrainResult], None]
    """Told of each trial that ends, whoever trained it."""
    _told: set[str] = field(default_factory=set)
    _alone: deque[Work] = field(default_factory=deque)
    _given: dict[str, WorkTrial] = field(default_factory=dict)

    def complete(self, execute: Callable[[Iterator[Work]], Iterator[Outcome]]) -> None:
        """Return when every trial has ended. `execute` trains works, and asks for one only when it can begin it."""
        while standing := self._open():
            works = self._works(standing)
            first = next(works, None)
            if first is None:
                self.lease.look()
                time.sleep(POLL)
                continue
            with _closed(execute(chain([first], works))) as outcomes:
                for work, outcome in outcomes:
                    self._take(work, outcome)
            waiting = {trial.key for work in self._alone for trial in work.trials}
            for trial in [trial for key, trial in self._given.items() if key not in waiting]:
                self._keep(failure(trial, TrainingError("its executor ended without a result of it")))

    def _open(self) -> dict[str, Mapping[str, Any]]:
        """What has not ended yet; what others have ended is told of."""
        standing = self.store.standing(key for key in self.keys if key not in self._told)
        ended = [key for key, row in standing.items() if row["state"] not in UNFINISHED]
        for result in self.store.load(ended):
            self._told.add(result.key)
            self.finished(result)
        return {key: row for key, row in standing.items() if row["state"] in UNFINISHED}

    def _works(self, standing: Mapping[str, Mapping[str, Any]]) -> Iterator[Work]:
        """Works whose trials this run has just claimed: each is claimed when it is asked for, and not before."""
        waiting = {key: row["attempts"] for key, row in standing.items() if row["state"] == "pending"}
        fresh = self.bundle([key for key, attempts in waiting.items() if attempts < WORN])
        worn = sorted((key for key in waiting if waiting[key] >= WORN), key=lambda key: waiting[key])
        for work in chain(fresh, (work for key in worn for work in self.bundle([key]))):
            yield from self._retries()
            yield from self._claimed(work)
        yield from self._retries()

    def _retries(self) -> Iterator[Work]:
        while self._alone:
            yield from self._claimed(self._alone.popleft())

    def _claimed(self, work: Work) -> Iterator[Work]:
        """`work`, or what is left of it where others have claimed a part."""
        taken = self.lease.claim([trial.key for trial in work.trials])
        mine = [work] if len(taken) == len(work.trials) else self.bundle(taken) if taken else []
        for some in mine:
            self._given.update((trial.key, trial) for trial in some.trials)
        yield from mine

    def _take(self, work: Work, outcome: TrainResult | BaseException) -> None:
        """Keep a result. Where a work of several broke, what has not ended of it is trained again, one at a time."""
        if isinstance(outcome, TrainResult):
            self._keep(outcome)
            return
        left = [trial for trial in work.trials if trial.key in self._given]
        if len(work.trials) > 1:
            self._alone.extend(work.one_at_a_time({trial.key for trial in left}))
            return
        for trial in left:
            self._keep(failure(trial, outcome))

    def _keep(self, result: TrainResult) -> None:
        try:
            kept = self._written(result)
        except RecordError as error:
            result = failure(result, TrainingError(f"its result cannot be stored: {error}"))
            kept = self._written(result)
        self._given.pop(result.key, None)
        if kept and result.key not in self._told:
            self._told.add(result.key)
            self.finished(result)

    def _written(self, result: TrainResult) -> bool:
        staged = stage_predictions(self.predictions, result.key, result.predictions) if result.predictions else None
        try:
            return self.lease.finish(result, staged)
        except BaseException:
            if staged is not None:
                staged.drop()
            raise


@contextmanager
def _closed(outcomes: Iterator[Outcome]) -> Iterator[Iterator[Outcome]]:
    """Close the executor's iterator at once when the run is left early, so that its workers end."""
    try:
        yield outcomes
    finally:
        getattr(outcomes, "close", lambda: None)()


def failure(trial: WorkTrial | TrainResult, error: BaseException) -> TrainResult:
    """A trial that could not be trained: a result like any other, with the class of the failure and the reason."""
    told = failure_of(error)
    return TrainResult(
        trial.key,
        trial.cell,
        trial.seed,
        trial.fold,
        "failed",
        told.message,
        provenance={"traceback": told.traceback, "plugin": told.plugin},
        kind=told.kind,
        log=told.log,
    )
