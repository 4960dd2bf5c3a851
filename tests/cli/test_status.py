"""`butfor status` and `butfor store`: what they say of stores in every state, without torch."""

import io
import json
import sqlite3
import subprocess
import sys

import pytest

from butfor.core.leases import Lease
from butfor.core.predictions import PREDICTIONS, write_predictions
from butfor.core.records import Entry
from butfor.core.results import TrainResult
from butfor.core.store import STORE, Store
from butfor.core.study.plan import Plan
from butfor.reports.rebuild import write_plan

KEYS = [f"{number:016x}" for number in range(8)]
IDENTITY = {"torch": "2.13", "fusion:mean": "1111"}


def planned(keys=KEYS):
    trials = [{"key": key, "cell": "one" if i < 4 else "two", "seed": i % 4, "fold": "f"} for i, key in enumerate(keys)]
    cells = [
        {"key": "one", "label": "full", "settings": {}},
        {"key": "two", "label": "w/o [red]kl[/red]", "settings": {}},
    ]
    return Plan(study="small", baseline="one", cells=cells, trials=trials)


def entry(trial, identity=IDENTITY):
    return Entry(trial.key, trial.cell, trial.seed, trial.fold, {}, identity)


def result(trial, state="done", **changes):
    return TrainResult(trial.key, trial.cell, trial.seed, trial.fold, state, seconds=60.0, **changes)


@pytest.fixture
def butfor(command, monkeypatch, tmp_path):
    monkeypatch.delenv("BUTFOR_STORE", raising=False)
    (tmp_path / "ablations.yaml").write_text("study: small\n")
    return command


@pytest.fixture
def out(tmp_path):
    """Four done, one failed, one diverged, two that wait."""
    folder = tmp_path / "results"
    write_plan(planned(), folder)
    trials = planned().trials
    with Store.open(folder / STORE) as store:
        store.enlist("small", [entry(trial) for trial in trials])
        with Lease(store) as lease:
            lease.claim(KEYS[:6])
            for trial in trials[:4]:
                lease.finish(result(trial))
            cut = {"kind": "timeout", "log": "logs/4.log", "message": "took longer\n\x1b[31mthan 3 s"}
            lease.finish(result(trials[4], "failed", **cut))
            lease.finish(result(trials[5], "diverged", message="loss not finite in epoch 3"))
    return folder


def test_status_counts_every_state_and_tells_each_failure_with_its_class_and_log(butfor, out):
    code, told, _ = butfor("status", "--json")
    found = json.loads(told)
    assert code == 0
    counts = {"trials": 8, "done": 4, "failed": 1, "diverged": 1, "collapsed": 0, "running": 0, "pending": 2}
    assert {name: found[name] for name in counts} == counts
    failed, diverged = found["failures"]
    assert failed == {
        "cell": "two", "label": "w/o [red]kl[/red]", "seed": 0, "fold": "f", "state": "failed", "class": "timeout",
        "message": "took longer\n\x1b[31mthan 3 s", "log": "logs/4.log", "attempts": 1, "key": KEYS[4],
    }  # fmt: skip
    assert (diverged["class"], diverged["key"]) == ("diverged", KEYS[5])
    assert found["seconds_left"] == 120.0
    code, told, _ = butfor("status")
    assert "small: 8 trials: 4 done, 1 failed, 1 diverged, 2 pending" in told
    assert "about 2 min left on one worker" in told
    assert f"timeout: w/o [red]kl[/red], seed 0, fold f: took longer than 3 s (log: logs/4.log) [{KEYS[4]}]" in told
    assert "\x1b" not in told
    assert "--retry-failed" in told


def test_status_shows_who_trains_and_takes_what_a_dead_runner_held_for_pending(butfor, out):
    with Store.open(out / STORE) as store, Lease(store) as lease:
        lease.claim(KEYS[6:7])
        found = json.loads(butfor("status", "--json")[1])
        assert (found["running"], found["pending"]) == (1, 1)
        assert found["runners"][0]["trials"] == 1
        assert "running: 1 trials by process" in butfor("status")[1]
    code = f"""
import os
from butfor.core.leases import Lease
from butfor.core.store import Store
Lease(Store.open({str(out / STORE)!r})).__enter__().claim({KEYS[6:]!r})
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    found = json.loads(butfor("status", "--json")[1])
    assert (found["running"], found["pending"], found["runners"]) == (0, 2, [])
    with Store.open(out / STORE) as store, Lease(store) as lease:
        lease.claim(KEYS[6:])
        assert json.loads(butfor("status", "--json")[1])["retried"] == 2


def test_time_left_goes_by_the_pace_of_the_runners_at_work(butfor, out):
    with Store.open(out / STORE) as store, Lease(store) as lease:
        lease.claim(KEYS[6:])
        lease.finish(result(planned().trials[6]))
        assert 0 < json.loads(butfor("status", "--json")[1])["seconds_left"] < 60


def test_rows_of_older_versions_are_counted_with_what_has_changed(butfor, out):
    trials = planned(KEYS).trials
    old = [f"{number:016x}" for number in range(100, 104)]
    changes = [
        ({"cell": "three"}, IDENTITY),
        ({"seed": 9}, IDENTITY),
        ({}, IDENTITY | {"fusion:mean": "2222"}),
        ({"fold": "g"}, IDENTITY),
    ]
    past = [trials[0].model_copy(update={"key": key, **change}) for key, (change, _) in zip(old, changes, strict=True)]
    with Store.open(out / STORE) as store:
        store.enlist("small", [entry(t, identity) for t, (_, identity) in zip(past, changes, strict=True)])
        with Lease(store) as lease:
            lease.claim(old)
            for trial in past:
                lease.finish(result(trial))
    found = json.loads(butfor("status", "--json")[1])
    assert found["trials"] == 8
    assert found["older"] == {
        "with settings that no cell has now": 1,
        "of seeds that are not asked for now": 1,
        "of another fusion:mean": 1,
        "of another version of butfor, of a plugin, or of the data": 1,
    }
    assert "4 rows of older versions are kept and not shown" in butfor("status")[1]
    code, told, err = butfor("store", "forget", "--yes")
    assert (code, told) == (0, "4 trials removed\n"), err
    assert json.loads(butfor("status", "--json")[1])["older"] == {}
    assert json.loads(butfor("status", "--json")[1])["done"] == 4


def test_a_study_that_has_not_been_run_is_told(butfor):
    code, _, told = butfor("status")
    assert code == 2
    assert "there are no results" in told


def test_checking_a_whole_and_a_changed_store(butfor, out):
    code, told, _ = butfor("store", "check")
    assert code == 0
    assert "8 trials, 0 problems" in told
    raw = sqlite3.connect(out / STORE)
    with raw:
        raw.execute("UPDATE trials SET seconds = 61 WHERE key = ?", (KEYS[0],))
    raw.close()
    code, told, err = butfor("store", "check")
    assert code == 3
    assert f"trial {KEYS[0]}: it is not what was written" in told
    assert "butfor store salvage" in err
    for command in (("status",), ("table",)):
        code, _, told = butfor(*command)
        assert code == 3
        assert KEYS[0] in told
    code, told, _ = butfor("store", "salvage")
    assert code == 0
    assert "5 trials kept, 1 lost; the damaged store is now" in told
    assert json.loads(butfor("status", "--json")[1])["done"] == 3


def test_forgetting_asks_first_and_takes_no_for_an_answer(butfor, out, monkeypatch):
    write_predictions(out / PREDICTIONS, KEYS[0], {})
    code, _, told = butfor("store", "forget", "--study", "smal")
    assert code == 2
    assert "it has small" in told
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    code, _, told = butfor("store", "forget", "--study", "small")
    assert code == 1
    assert "8 to remove, 0 shared and kept" in told
    assert json.loads(butfor("status", "--json")[1])["done"] == 4
    code, told, _ = butfor("store", "forget", "--study", "small", "--yes")
    assert (code, told) == (0, "8 trials removed\n")
    assert not list((out / PREDICTIONS).iterdir())


def test_compacting_tells_what_it_removed(butfor, out):
    write_predictions(out / PREDICTIONS, "ab" * 8, {})
    code, told, _ = butfor("store", "compact")
    assert code == 0
    assert told.startswith("1 files removed, ")


def test_none_of_it_loads_torch(butfor, out, tmp_path):
    code = """
import sys
from butfor.cli import main
try:
    main()
finally:
    assert "torch" not in sys.modules
"""
    for arguments in (["status"], ["store", "check"], ["store", "compact"]):
        command = [sys.executable, "-c", code, *arguments]
        subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
