"""Looking after a store: what is wrong is named, what is whole is saved, what is shared is kept."""

import sqlite3

import numpy as np
import pytest

from butfor.core import upkeep
from butfor.core.errors import StoreError
from butfor.core.leases import Lease
from butfor.core.predictions import PREDICTIONS, predictions_file, stage_predictions
from butfor.core.records import Entry
from butfor.core.store import STORE, Store

KEYS = [f"{number:016x}" for number in range(30)]


@pytest.fixture
def out(tmp_path, a_result):
    """A folder of results: 30 trials with predictions; the study `other` shares the first two."""
    with Store.open(tmp_path / STORE) as store:
        store.enlist("study", [Entry(key, "cell", 0, "fold") for key in KEYS])
        with Lease(store) as lease:
            lease.claim(KEYS)
            for key in KEYS:
                staged = stage_predictions(tmp_path / PREDICTIONS, key, {"test/a": np.arange(8)})
                lease.finish(a_result(key, curve=({"loss": 0.5},) * 30), staged)
        store.share("other", KEYS[:2])
    return tmp_path


def change(out, statement, *values):
    raw = sqlite3.connect(out / STORE)
    with raw:
        raw.execute(statement, values)
    raw.close()


def opened(out, **options):
    return Store.open(out / STORE, create=False, **options)


def test_a_whole_store_has_no_problems(out):
    with opened(out) as store:
        assert upkeep.check(store, out) == upkeep.Report(30, (), ())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("metrics", '{"test": {"f1": 0.6}}'),
        ("seconds", 12.346),
        ("state", "failed"),
        ("state", "pending"),
        ("state", "dond"),
        ("seed", 1),
        ("curve", "[]"),
        ("settings", '{"x": 1}'),
        ("attempts", 2),
        ("predictions", "0" * 64),
        ("sha256", "0" * 64),
        ("message", b"\xff"),
        ("cell", "another"),
        ("fold", "fold-2"),
        ("identity", "{}x"),
        ("provenance", "{}x"),
        ("log", "x"),
        ("kind", "timeout"),
        ("selected_epoch", 2),
        ("finished_at", "2020"),
    ],
)
def test_any_value_that_was_changed_is_found_when_the_store_is_opened(out, column, value):
    change(out, f"UPDATE trials SET {column} = ? WHERE key = ?", value, KEYS[3])
    with pytest.raises(StoreError, match=rf"damaged .*{KEYS[3]}.*butfor store salvage"):
        opened(out)
    with opened(out, check=False) as store:
        assert any(KEYS[3] in line for line in upkeep.check(store, out).damaged)
        if value != "pending":  # which has no result to read
            with pytest.raises(StoreError, match="damaged"):
                store.load(KEYS)


def test_files_of_predictions_that_are_missing_changed_or_nobodys_are_named(out):
    predictions_file(out / PREDICTIONS, KEYS[0]).unlink()
    predictions_file(out / PREDICTIONS, KEYS[1]).write_bytes(b"cut")
    stage_predictions(out / PREDICTIONS, KEYS[2], {"x": np.zeros(1)})
    (out / PREDICTIONS / ("ab" * 8 + ".safetensors")).write_bytes(b"nobody's")
    (out / PREDICTIONS / "notes.txt").write_text("the user's own")
    with opened(out) as store:
        report = upkeep.check(store, out)
        assert len(report.damaged) == 2
        assert "cannot be read" in report.damaged[0]
        assert "checksum differs" in report.damaged[1]
        assert [path.suffix for path in report.orphans] == [".part", ".safetensors"]
        assert upkeep.compact(store, out)[0] == 2
    assert len(list((out / PREDICTIONS).iterdir())) == 30
    assert (out / PREDICTIONS / "notes.txt").exists()


def test_compacting_gives_room_back_and_keeps_every_trial(out):
    size = (out / STORE).stat().st_size
    with opened(out) as store:
        upkeep.forget(store, out, "study", KEYS[:5])
        _, saved = upkeep.compact(store, out)
    assert 0 < saved == size - (out / STORE).stat().st_size
    with opened(out) as store:
        assert len(store.load(KEYS)) == 5


def test_forgetting_spares_what_another_study_shares_and_what_is_kept(out):
    with opened(out) as store:
        asked, alone = upkeep.forgettable(store, "study", KEYS[10:])
        assert (asked, alone) == (KEYS[:10], KEYS[2:10])
        assert upkeep.forget(store, out, "study", KEYS[10:]) == 8
        assert sorted(store.states(KEYS)) == KEYS[:2] + KEYS[10:]
        assert store.studies() == {"other": 2, "study": 20}
        left = sorted(path.stem for path in (out / PREDICTIONS).iterdir())
        assert left == KEYS[:2] + KEYS[10:]


def test_nothing_is_removed_while_a_runner_is_at_work(out):
    with opened(out) as store, Lease(store):
        for act in (
            lambda: upkeep.compact(store, out),
            lambda: upkeep.forget(store, out, "study"),
            lambda: upkeep.salvage(out),
        ):
            with pytest.raises(StoreError, match=r"process \d+ on .* trains"):
                act()
    with opened(out) as store:
        assert len(store.load(KEYS)) == 30


def test_salvage_keeps_every_whole_trial_and_the_damaged_file(out):
    change(out, "UPDATE trials SET metrics = '{}' WHERE key = ?", KEYS[3])
    kept, lost, aside = upkeep.salvage(out)
    assert (kept, lost) == (29, 1)
    assert aside.is_file()
    with opened(out) as store:
        assert [result.key for result in store.load(KEYS)] == KEYS[:3] + KEYS[4:]
        assert store.studies() == {"other": 2, "study": 29}
        assert upkeep.check(store, out).damaged == ()


def test_salvage_reads_round_pages_that_are_gone(out):
    content = bytearray((out / STORE).read_bytes())
    pages = len(content) // 4096
    content[(pages // 2) * 4096 : (pages // 2 + 2) * 4096] = bytes(2 * 4096)
    (out / STORE).write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        opened(out)
    kept, lost, _ = upkeep.salvage(out)
    assert kept + lost <= 30
    assert kept >= 15
    with opened(out) as store:
        found = store.load(KEYS)
        assert len(found) == kept
        assert all(result.metrics["test"] == {"weighted_f1": 0.7} for result in found)


def test_salvage_of_what_is_no_store_is_told(tmp_path):
    with pytest.raises(StoreError, match="no store at"):
        upkeep.salvage(tmp_path)
    (tmp_path / STORE).write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="nothing in"):
        upkeep.salvage(tmp_path)
    assert (tmp_path / STORE).exists()
