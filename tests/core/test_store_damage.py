"""A store that was damaged is named as damaged or gives what was written: never a value that was not."""

import os
import random
import shutil
import sqlite3

import pytest

from butfor.core.errors import StoreError
from butfor.core.records import Entry
from butfor.core.store import Store

KEYS = [f"{number:016x}" for number in range(25)]
FLIPS = int(os.environ.get("BUTFOR_SOAK_FLIPS", "150"))
CUTS = int(os.environ.get("BUTFOR_SOAK_CUTS", "40"))


def told(result):
    return {name: getattr(result, name) for name in type(result).__dataclass_fields__ if name != "predictions"}


@pytest.fixture
def whole(tmp_path, put, a_result):
    """A closed store of 25 trials, the last two of which wait, and what it gives."""
    path = tmp_path / "whole.sqlite"
    states = ["done", "failed", "diverged", "collapsed"]
    with Store.open(path) as store:
        results = [
            a_result(key, states[i % 4], message="x" * 40 * i, curve=({"loss": 1 / (i + 1)},) * 25 * (i % 3))
            for i, key in enumerate(KEYS[:-2])
        ]
        put(store, *results)
        store.enlist("study", [Entry(key, "cell", 0, "fold") for key in KEYS[-2:]])
        known = {result.key: told(result) for result in store.load(KEYS)}
    return path, known


def looked_at(path, known):
    """What became of a damaged file: `refused`, `lost` (to be trained again) or `whole`; fails for a wrong value."""
    try:
        with Store.open(path, create=False) as store:
            found = {result.key: told(result) for result in store.load(KEYS)}
            states = store.states(KEYS)
    except StoreError:
        return "refused"
    for key, result in found.items():
        assert result == known[key]
    for key, state in states.items():
        assert state == (known[key]["state"] if key in known else "pending")
    return "whole" if len(found) == len(known) else "lost"


def test_no_flipped_bit_gives_a_value_that_was_not_written(whole, tmp_path):
    path, known = whole
    content, chance = path.read_bytes(), random.Random(0)
    outcomes = []
    for number in range(FLIPS):
        changed = bytearray(content)
        for _ in range(1 + number % 3):
            place = chance.randrange(len(content) * 8)
            changed[place // 8] ^= 1 << place % 8
        copy = tmp_path / "flipped.sqlite"
        copy.write_bytes(changed)
        outcomes.append(looked_at(copy, known))
        for end in ("-wal", "-shm"):
            copy.with_name(copy.name + end).unlink(missing_ok=True)
    assert outcomes.count("refused") > FLIPS / 3
    assert not outcomes.count("lost")


def test_no_cut_gives_a_value_that_was_not_written(whole, tmp_path):
    path, known = whole
    content, chance = path.read_bytes(), random.Random(1)
    for length in [0, 1, 15, 16, 99, 100, 4095, 4096, *(chance.randrange(len(content)) for _ in range(CUTS))]:
        copy = tmp_path / "cut.sqlite"
        copy.write_bytes(content[:length])
        assert looked_at(copy, known) == "refused"


def test_a_write_ahead_log_that_is_cut_or_flipped_loses_the_last_trials_at_most(tmp_path, put, a_result):
    path, chance = tmp_path / "runs.sqlite", random.Random(2)
    with Store.open(path) as store:
        held = sqlite3.connect(path)  # keeps the log from being folded into the file
        held.execute("SELECT count(*) FROM trials").fetchone()
        held.execute("BEGIN")
        held.execute("SELECT count(*) FROM trials").fetchone()
        put(store, *(a_result(key) for key in KEYS))
        known = {result.key: told(result) for result in store.load(KEYS)}
        log = path.with_name("runs.sqlite-wal").read_bytes()
        copy = tmp_path / "copy.sqlite"
        for number in range(CUTS):
            shutil.copy(path, copy)
            place = chance.randrange(len(log))
            changed = bytearray(log[:place] if number % 2 else log)
            if not number % 2:
                changed[place] ^= 1 << number % 8
            copy.with_name("copy.sqlite-wal").write_bytes(changed)
            copy.with_name("copy.sqlite-shm").unlink(missing_ok=True)
            try:
                with Store.open(copy, create=False) as opened:
                    for result in opened.load(KEYS):
                        assert told(result) == known[result.key]
            except StoreError:
                pass
        held.close()
    assert len(known) == len(KEYS)
