"""A run: works claimed one by one, second chances, results of others, and executors that are odd."""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from butfor.core import leases
from butfor.core import session as session_module
from butfor.core.errors import TrialFailure
from butfor.core.leases import Lease
from butfor.core.predictions import read_predictions
from butfor.core.records import Entry
from butfor.core.results import TrainResult
from butfor.core.session import Session
from butfor.core.store import Store

TRIALS = int(os.environ.get("BUTFOR_SOAK_TRIALS", "300"))
KEYS = [f"{number:016x}" for number in range(6)]


@dataclass(frozen=True)
class Part:
    key: str
    cell: str = "cell"
    seed: int = 0
    fold: str = "fold"


@dataclass(frozen=True)
class Bundle:
    trials: tuple

    def one_at_a_time(self, keys):
        return [replace(self, trials=(trial,)) for trial in self.trials if trial.key in keys]


def bundles_of(size):
    return lambda keys: [Bundle(tuple(map(Part, keys[i : i + size]))) for i in range(0, len(keys), size)]


def done(key, **changes):
    return replace(TrainResult(key, "cell", 0, "fold", "done", metrics={"test": {"f1": 0.5}}), **changes)


class Run:
    """A session over KEYS; `trained` has the works in the order that they were trained."""

    def __init__(self, store, folder, size=1, keys=KEYS):
        self.store, self.folder, self.size, self.keys = store, folder, size, keys
        self.trained, self.told = [], []
        store.enlist("study", [Entry(key, "cell", 0, "fold") for key in keys])

    def __call__(self, train):
        def execute(works):
            for work in works:
                self.trained.append([trial.key for trial in work.trials])
                try:
                    for outcome in train(work):
                        yield work, outcome
                except Exception as error:  # noqa: BLE001 - as an executor does
                    yield work, error

        return self.execute(execute)

    def execute(self, execute):
        with Lease(self.store) as lease:
            made = Session(self.store, lease, self.keys, bundles_of(self.size), self.folder, self.told.append)
            made.complete(execute)
        return self.store.states(self.keys)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(session_module, "POLL", 0.02)


def all_done(work):
    return [done(trial.key) for trial in work.trials]


def test_every_trial_is_trained_once_and_told_of_once(store, tmp_path):
    run = Run(store, tmp_path, size=2)
    assert run(all_done) == dict.fromkeys(KEYS, "done")
    assert run.trained == [KEYS[:2], KEYS[2:4], KEYS[4:]]
    assert [result.key for result in run.told] == KEYS
    again = Run(store, tmp_path)
    again(all_done)
    assert again.trained == []


def test_a_work_is_claimed_when_it_is_asked_for_and_not_before(store, tmp_path):
    run = Run(store, tmp_path)
    seen = []

    def train(work):
        seen.append(list(store.states(KEYS).values()).count("running"))
        return all_done(work)

    run(train)
    assert seen == [1] * 6


def test_only_the_culprit_of_a_broken_work_fails(store, tmp_path):
    run = Run(store, tmp_path, size=6)

    def train(work):
        for trial in work.trials:
            if trial.key == KEYS[2]:
                raise ValueError("on purpose")
            yield done(trial.key)

    states = run(train)
    assert states == dict.fromkeys(KEYS, "done") | {KEYS[2]: "failed"}
    assert run.trained == [KEYS, [KEYS[2]], [KEYS[3]], [KEYS[4]], [KEYS[5]]]
    assert [row["attempts"] for row in store.standing(KEYS).values()] == [1, 1, 2, 2, 2, 2]
    [failed] = store.load([KEYS[2]])
    assert (failed.kind, failed.message) == ("error", "ValueError: on purpose")
    assert "raise ValueError" in failed.provenance["traceback"]


def test_the_class_and_the_log_of_a_failure_are_kept(store, tmp_path):
    def train(_):
        raise TrialFailure("timeout", "took longer than 3 s", "logs/some.log", "fusion 'slow' of butfor")
        yield

    Run(store, tmp_path)(train)
    failed = store.load(KEYS[:1])[0]
    assert (failed.kind, failed.log, failed.message) == ("timeout", "logs/some.log", "took longer than 3 s")
    assert failed.provenance["plugin"] == "fusion 'slow' of butfor"


def test_an_executor_that_asks_for_all_works_at_once_is_served_and_still_retries(store, tmp_path):
    run = Run(store, tmp_path, size=3)
    rounds = []

    def execute(works):
        works = list(works)
        rounds.append(len(works))
        for work in works:
            if len(work.trials) > 1:
                yield work, ValueError("broken")
            else:
                yield work, done(work.trials[0].key)

    assert run.execute(execute) == dict.fromkeys(KEYS, "done")
    assert rounds == [2, 6]


def test_an_executor_that_forgets_a_work_fails_its_trials_instead_of_waiting_for_ever(store, tmp_path):
    run = Run(store, tmp_path)
    states = run.execute(lambda works: iter([(work, done(work.trials[0].key)) for work in works][1:]))
    assert states == dict.fromkeys(KEYS, "done") | {KEYS[0]: "failed"}
    assert "without a result" in store.load(KEYS[:1])[0].message


def test_a_result_that_cannot_be_stored_fails_its_trial_and_no_other(store, tmp_path):
    def train(work):
        odd = {"device": object()} if work.trials[0].key == KEYS[1] else {}
        return [done(work.trials[0].key, provenance=odd, predictions={"test/a": np.zeros(2)})]

    run = Run(store, tmp_path)
    assert run(train) == dict.fromkeys(KEYS, "done") | {KEYS[1]: "failed"}
    assert "cannot be stored: provenance.device is a object" in store.load([KEYS[1]])[0].message
    assert sorted(path.stem for path in tmp_path.glob("*.safetensors")) == [KEYS[0], *KEYS[2:]]
    assert not list(tmp_path.glob(".*part"))


def test_predictions_are_in_their_place_with_the_checksum_that_the_store_has(store, tmp_path):
    Run(store, tmp_path, keys=KEYS[:1])(lambda work: [done(work.trials[0].key, predictions={"test/a": np.arange(3)})])
    kept = store.standing(KEYS[:1])[KEYS[0]]["predictions"]
    assert read_predictions(tmp_path, KEYS[0], kept)["test/a"].tolist() == [0, 1, 2]


def test_what_another_trains_is_waited_for_and_told_of(store, tmp_path):
    run = Run(store, tmp_path)
    with Lease(store) as other:
        other.claim(KEYS[:2])
        release = threading.Timer(0.3, lambda: [other.finish(done(key, seconds=9.0)) for key in KEYS[:2]])
        release.start()
        assert run(all_done) == dict.fromkeys(KEYS, "done")
        release.join()
    assert run.trained == [[key] for key in KEYS[2:]]
    assert sorted(result.key for result in run.told) == KEYS
    assert [result.seconds for result in store.load(KEYS[:2])] == [9.0, 9.0]


def test_what_another_gives_back_is_trained_here(store, tmp_path):
    run = Run(store, tmp_path)
    other = Lease(store).__enter__()
    other.claim(KEYS[:2])
    leaving = threading.Timer(0.3, other.__exit__, [None, None, None])
    leaving.start()
    run(all_done)
    leaving.join()
    assert sorted(run.trained) == [[key] for key in KEYS]


def test_of_a_work_that_others_have_a_part_of_the_rest_is_trained(store, tmp_path):
    run = Run(store, tmp_path, size=3)
    with Lease(store) as other:
        release = threading.Timer(0.3, lambda: other.finish(done(KEYS[4])))

        def train(work):
            if not run.told:
                other.claim([KEYS[4]])
                release.start()
            return all_done(work)

        run(train)
        release.join()
    assert run.trained == [KEYS[:3], [KEYS[3], KEYS[5]]]


def test_trials_whose_runners_died_are_trained_last_and_alone(store, tmp_path):
    run = Run(store, tmp_path, size=3)
    for _ in range(2):  # a runner that dies is one of this process that never leaves
        lease = Lease(store)
        store.do(lease._join, write=True)
        lease.claim(KEYS[:2])
        store.do(lambda c, lease=lease: leases._bury(c, lease._owner, 0), write=True)
    run(all_done)
    assert run.trained == [KEYS[2:5], [KEYS[5]], [KEYS[0]], [KEYS[1]]]


def test_leaving_early_closes_the_executor_and_gives_back_what_it_had(store, tmp_path):
    closed = []
    run = Run(store, tmp_path)

    def execute(works):
        try:
            for work in works:
                yield work, done(work.trials[0].key)
                if len(run.told) == 2:
                    raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        run.execute(execute)
    assert closed == [True]
    assert store.states(KEYS) == dict.fromkeys(KEYS[:2], "done") | dict.fromkeys(KEYS[2:], "pending")
    assert [row["attempts"] for row in store.standing(KEYS).values()] == [1, 1, 0, 0, 0, 0]


def test_many_trials_leave_memory_and_files_as_they_were(tmp_path):
    keys = [f"{number:016x}" for number in range(TRIALS)]
    counted = []
    with Store.open(tmp_path / "runs.sqlite") as store:
        run = Run(store, tmp_path / "predictions", keys=keys)

        def train(work):
            if len(run.told) in {TRIALS // 3, TRIALS - 10}:
                counted.append(_resources())
            return [done(work.trials[0].key, predictions={"test/a": np.zeros(50)}, curve=({"loss": 1.0},) * 20)]

        run(train)
    (files, memory), (files_later, memory_later) = counted
    assert files_later <= files + 3  # the heart has a connection of its own
    assert memory_later - memory < 20_000_000
    assert len(list((tmp_path / "predictions").iterdir())) == TRIALS


def _resources():
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell what a process holds")
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(list(Path("/proc/self/fd").iterdir())), pages * 4096
