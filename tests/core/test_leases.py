"""Who trains what: claims, beats, and the fence, on both databases."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager
from itertools import count

import numpy as np
import pytest

from butfor.core import leases
from butfor.core.errors import StoreError
from butfor.core.leases import MAX_ATTEMPTS, Lease, Watch
from butfor.core.predictions import predictions_file, read_predictions, stage_predictions
from butfor.core.processes import Process
from butfor.core.records import Entry
from butfor.core.results import TrainResult
from butfor.core.schema import runners, trials
from butfor.core.store import Store

KEYS = [f"{number:016x}" for number in range(4)]


def entries(keys=KEYS):
    return [Entry(key, "cell", 0, "fold") for key in keys]


def done(key, score=0.5):
    return TrainResult(key, "cell", 0, "fold", "done", metrics={"test": {"f1": score}})


@contextmanager
def joined(store):
    """A lease that does not beat by itself, as that of a runner that stands still."""
    lease = Lease(store)
    store.do(lease._join, write=True)
    yield lease


@pytest.fixture
def filled(where):
    with Store.open(where) as store:
        store.enlist("study", entries())
        yield store


def expire(monkeypatch, lease):
    """Let `lease` watch the others for longer than a lease; none of them beats meanwhile."""
    moments = count(time.monotonic(), 10)
    monkeypatch.setattr(leases.time, "monotonic", lambda: next(moments))
    for _ in range(10):
        lease.look()
    monkeypatch.undo()


def test_what_one_runner_has_claimed_no_other_gets(filled):
    with Lease(filled) as one, Lease(filled) as two:
        assert one.claim(KEYS[:3]) == KEYS[:3]
        assert two.claim(KEYS) == KEYS[3:]
        assert one.claim(KEYS[3:]) == []
        assert filled.states(KEYS) == dict.fromkeys(KEYS, "running")


def test_claims_come_in_the_order_asked_and_unknown_keys_are_left_out(filled):
    with Lease(filled) as lease:
        assert lease.claim([KEYS[2], "nope", KEYS[0]]) == [KEYS[2], KEYS[0]]


def test_many_that_claim_at_once_get_each_trial_once(where):
    keys = [f"{number:016x}" for number in range(60)]
    with Store.open(where) as store:
        store.enlist("study", entries(keys))
        taken = []

        def take():
            with Store.open(where) as mine, joined(mine) as lease:
                for key in keys:
                    taken.extend(lease.claim([key]))

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == keys


def test_a_writer_reads_only_after_the_writer_before_it_has_committed(filled):
    seen = []
    with joined(filled) as lease, joined(filled) as other:

        def second():
            seen.append(other.claim(KEYS[:1]))

        def first(connection):
            before = connection.scalar(trials.select().with_only_columns(trials.c.state).where(trials.c.key == KEYS[0]))
            thread.start()
            thread.join(0.5)
            assert thread.is_alive()
            connection.execute(
                trials.update().where(trials.c.key == KEYS[0]).values(state="running", owner=lease._owner)
            )
            return before

        thread = threading.Thread(target=second)
        assert filled.do(first, write=True) == "pending"
        thread.join()
    assert seen == [[]]


def test_a_finished_trial_is_let_go_and_never_claimed_again(filled):
    with Lease(filled) as lease:
        lease.claim(KEYS[:1])
        assert lease.finish(done(KEYS[0])) is True
        assert lease.claim(KEYS[:1]) == []
        assert lease.finish(done(KEYS[0], 0.9)) is False
    assert filled.load(KEYS)[0].metrics == {"test": {"f1": 0.5}}


def test_what_was_not_claimed_cannot_be_written(filled):
    with Lease(filled) as lease:
        assert lease.finish(done(KEYS[0])) is False
    assert filled.states(KEYS[:1]) == {KEYS[0]: "pending"}


def test_leaving_gives_back_what_was_claimed_and_counts_no_attempt(filled):
    with Lease(filled) as lease:
        lease.claim(KEYS)
        lease.finish(done(KEYS[0]))
    assert filled.states(KEYS) == {KEYS[0]: "done"} | dict.fromkeys(KEYS[1:], "pending")
    assert [row["attempts"] for row in filled.standing(KEYS).values()] == [1, 0, 0, 0]
    assert filled.do(lambda c: c.execute(runners.select()).all()) == []


def test_a_runner_that_lost_its_lease_writes_nothing(filled, monkeypatch, tmp_path):
    with joined(filled) as slow, Lease(filled) as quick:
        slow.claim(KEYS[:2])
        assert quick.claim(KEYS[:2]) == []
        expire(monkeypatch, quick)
        assert quick.claim(KEYS[:2]) == KEYS[:2]
        staged = stage_predictions(tmp_path, KEYS[0], {"test/a": np.zeros(3)})
        assert slow.finish(done(KEYS[0], 0.1), staged) is False
        assert filled.states(KEYS[:1]) == {KEYS[0]: "running"}
        assert list(tmp_path.glob(".*part")) == list(tmp_path.glob("*.safetensors")) == []
        mine = stage_predictions(tmp_path, KEYS[0], {"test/a": np.ones(3)})
        assert quick.finish(done(KEYS[0], 0.2), mine) is True
        assert slow.finish(done(KEYS[0], 0.1)) is False
    assert filled.load(KEYS[:1])[0].metrics == {"test": {"f1": 0.2}}
    kept = filled.standing(KEYS[:1])[KEYS[0]]["predictions"]
    assert read_predictions(tmp_path, KEYS[0], kept)["test/a"].tolist() == [1, 1, 1]


def test_a_claim_that_was_lost_and_came_free_again_is_not_written_either(filled, monkeypatch):
    with joined(filled) as slow, Lease(filled) as quick:
        slow.claim(KEYS[:1])
        expire(monkeypatch, quick)
        assert slow.finish(done(KEYS[0])) is False
    assert filled.states(KEYS[:1]) == {KEYS[0]: "pending"}


def test_a_runner_that_was_taken_for_dead_joins_again_and_goes_on(filled, monkeypatch):
    with joined(filled) as slow, Lease(filled) as quick:
        slow.claim(KEYS[:1])
        token = slow._owner
        expire(monkeypatch, quick)
        filled.do(slow._beat, write=True)
        assert slow._owner != token
        assert slow.claim(KEYS[1:2]) == KEYS[1:2]
        assert slow.finish(done(KEYS[1])) is True


def test_a_runner_that_beats_keeps_its_claims_however_long_it_takes(filled, monkeypatch):
    with joined(filled) as slow, Lease(filled) as other:
        slow.claim(KEYS)
        moments = count(time.monotonic(), 10)
        monkeypatch.setattr(leases.time, "monotonic", lambda: next(moments))
        for _ in range(50):
            filled.do(slow._beat, write=True)
            other.look()
        monkeypatch.undo()
        assert other.claim(KEYS) == []
        assert slow.finish(done(KEYS[0])) is True


def test_one_that_beats_again_while_it_is_being_buried_lives_on(filled):
    with joined(filled) as slow:
        slow.claim(KEYS[:1])
        filled.do(slow._beat, write=True)
        filled.do(lambda c: leases._bury(c, slow._owner, 0), write=True)
        assert slow.finish(done(KEYS[0])) is True


def test_a_watcher_that_slept_itself_takes_nobody_for_dead(monkeypatch):
    monkeypatch.setattr(leases.time, "monotonic", lambda: 0.0)
    watch = Watch()
    other = {"owner": "o", "beat": 7, "host": "", "boot": "", "pid": 1, "start": ""}
    moments = iter([10.0, 20.0, 20_000.0, 40_000.0])
    monkeypatch.setattr(leases.time, "monotonic", lambda: next(moments))
    assert [watch.dead([other]) for _ in range(3)] == [[], [], []]


@pytest.mark.parametrize("jump", [3600, -3600, 10**9])
def test_a_clock_that_jumps_loses_and_doubles_nothing(filled, monkeypatch, jump):
    real, actual = leases.datetime, time.time
    with Lease(filled) as before, Lease(filled) as other:
        before.claim(KEYS[:2])

        class Jumped(real):
            @classmethod
            def now(cls, zone=None):
                return real.fromtimestamp(actual() + jump, zone)

        monkeypatch.setattr(leases, "datetime", Jumped)
        monkeypatch.setattr(time, "time", lambda: actual() + jump)
        for _ in range(3):
            other.look()
            filled.do(before._beat, write=True)
        assert other.claim(KEYS) == KEYS[2:]
        assert before.finish(done(KEYS[0])) is True
        assert [other.finish(done(key)) for key in KEYS[1:]] == [False, True, True]
        assert before.finish(done(KEYS[1])) is True
    assert filled.states(KEYS) == dict.fromkeys(KEYS, "done")
    assert [row["attempts"] for row in filled.standing(KEYS).values()] == [1, 1, 1, 1]


HOLDER = """
    import sys, time
    from butfor.core.leases import Lease
    from butfor.core.store import Store
    with Store.open(sys.argv[1]) as store, Lease(store) as lease:
        print(*lease.claim(sys.argv[2:]), flush=True)
        time.sleep(60)
"""


def holder(where, keys):
    """Another process that claims trials and then does nothing."""
    code = [sys.executable, "-c", textwrap.dedent(HOLDER), where, *keys]
    process = subprocess.Popen(code, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().split() == keys
    return process


def test_what_a_killed_runner_of_this_machine_held_is_free_at_once(filled, where):
    process = holder(where, KEYS[:2])
    with Lease(filled) as lease:
        lease.look()
        assert lease.claim(KEYS[:2]) == []
        process.kill()
        process.wait()
        lease.look()
        assert lease.claim(KEYS[:2]) == KEYS[:2]
    process.stdout.close()


def test_a_runner_that_stands_still_is_taken_for_dead_after_a_lease_and_fenced(filled, where, monkeypatch):
    process = holder(where, KEYS[:1])
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setattr(leases, "LEASE", 0.6)
    try:
        with Lease(filled) as lease:
            started = time.monotonic()
            while not lease.claim(KEYS[:1]):
                lease.look()
                time.sleep(0.05)
                assert time.monotonic() - started < 20
            assert time.monotonic() - started > 0.5
            assert lease.finish(done(KEYS[0])) is True
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_heart_beats_by_itself_and_stops_with_the_lease(filled, monkeypatch):
    monkeypatch.setattr(leases, "BEAT", 0.02)
    with Lease(filled) as lease:
        started = time.monotonic()
        while filled.do(lambda c: c.scalar(runners.select().with_only_columns(runners.c.beat))) < 3:
            assert time.monotonic() - started < 20
    assert not lease._heart.is_alive()


def test_a_store_that_is_away_for_a_while_stops_no_heart(filled, monkeypatch):
    monkeypatch.setattr(leases, "BEAT", 0.02)
    with Lease(filled) as lease:
        monkeypatch.setattr(filled, "do", lambda *_, **__: (_ for _ in ()).throw(StoreError("away")))
        time.sleep(0.1)
        assert lease._heart.is_alive()
        monkeypatch.delattr(filled, "do")


def test_a_trial_whose_runners_die_every_time_fails_in_the_end(filled):
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with joined(filled) as lease:
            assert lease.claim(KEYS[:1]) == KEYS[:1]
            assert filled.standing(KEYS[:1])[KEYS[0]]["attempts"] == attempt
            filled.do(lambda c, lease=lease: leases._bury(c, lease._owner, 0), write=True)
    with Lease(filled) as lease:
        assert lease.claim(KEYS[:2]) == KEYS[1:2]
    [failed] = filled.load(KEYS[:1])
    assert (failed.state, failed.kind, failed.attempts) == ("failed", "crashed", MAX_ATTEMPTS)
    assert "died 5 times" in failed.message
    filled.reset(KEYS[:1])
    with Lease(filled) as lease:
        assert lease.claim(KEYS[:1]) == KEYS[:1]


def test_rows_of_a_runner_that_nobody_knows_are_free(filled):
    change = trials.update().where(trials.c.key == KEYS[0]).values(state="running", owner="nobody")
    filled.do(lambda c: c.execute(change), write=True)
    with Lease(filled) as lease:
        assert lease.claim(KEYS[:1]) == KEYS[:1]


def test_a_commit_whose_answer_was_lost_counts_as_written(filled, tmp_path, monkeypatch):
    asked = filled.do

    def twice(act, *, write=False):
        if act.__qualname__.startswith("Lease.finish"):
            assert asked(act, write=write) is True
        return asked(act, write=write)

    with Lease(filled) as lease:
        lease.claim(KEYS[:1])
        monkeypatch.setattr(filled, "do", twice)
        staged = stage_predictions(tmp_path, KEYS[0], {"test/a": np.ones(3)})
        assert lease.finish(done(KEYS[0]), staged) is True
    assert predictions_file(tmp_path, KEYS[0]).is_file()


def test_this_process_lives_and_one_that_is_gone_or_another_of_its_number_does_not():
    here = Process.this()
    if not here.host:
        pytest.skip("this system does not tell machines and processes apart")
    assert here.has_ended() is False
    assert Process(here.host, here.boot, here.pid, "1").has_ended() is True
    assert Process(here.host, "another start", here.pid, here.start).has_ended() is True
    assert Process("another machine", here.boot, here.pid, "1").has_ended() is False
    assert Process("", "", here.pid, "").has_ended() is False
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child_start = Process(here.host, here.boot, child.pid, "1")
    while child_start.has_ended() is False:
        time.sleep(0.01)
    child.wait()
    assert child_start.has_ended() is True


def test_a_clock_that_jumps_at_every_look_takes_nobody_for_dead(monkeypatch):
    moments = count(0, 3600)
    monkeypatch.setattr(time, "time", lambda: float(next(moments)))
    watch = Watch()
    other = {"owner": "o", "beat": 7, "host": "", "boot": "", "pid": 1, "start": ""}
    assert [watch.dead([other]) for _ in range(10)] == [[]] * 10
