import json
import math
import sqlite3
import struct
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butfor.core import StoreError, database
from butfor.core.records import Entry, RecordError, readable
from butfor.core.results import TrainResult
from butfor.core.schema import VERSION
from butfor.core.store import Store, store_of


def fields_of(result):
    kept = set(TrainResult.__dataclass_fields__) - {"predictions", "attempts"}
    return {name: getattr(result, name) for name in kept}


def open_files(folder):
    links = Path("/proc/self/fd").iterdir() if Path("/proc/self/fd").exists() else ()
    return [path for path in (Path(link).resolve() for link in links) if path.is_relative_to(folder)]


def in_python(code, *arguments):
    """A process of its own, as a worker or a second runner would be."""
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)])


WRITER = """
    import sys
    from butfor.core.leases import Lease
    from butfor.core.records import Entry
    from butfor.core.results import TrainResult
    from butfor.core.store import Store
    path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with Store.open(path) as store, Lease(store) as lease:
        for i in range(count):
            for key in (f"{name}-{i:04d}", f"both-{i:04d}"):
                store.enlist(name, [Entry(key, "cell", i, "fold")])
                for mine in lease.claim([key]):
                    told = {"test": {"who": i + 0.5}}
                    assert lease.finish(TrainResult(mine, "cell", i, "fold", "done", metrics=told))
"""


def test_a_result_comes_back_as_it_was(store, put, a_result):
    result = a_result()
    assert put(store, result) == [result.key]
    [found] = store.load([result.key])
    assert fields_of(found) == fields_of(result)
    assert list(found.metrics) == ["valid", "test", "noisy"]
    assert list(found.metrics["valid"]) == ["weighted_f1", "mse"]
    assert found.predictions == {}
    assert json.loads(store.row(result.key)["settings"]) == {
        "fusion": {"name": "gated", "temperature": 0.1},
        "seeds": [1, 2],
        "none": None,
    }


def test_results_survive_closing_and_opening(tmp_path, put, a_result):
    path = tmp_path / "deep" / "folder" / "runs.sqlite"
    with Store.open(path) as store:
        put(store, a_result())
    with Store.open(path, create=False) as store:
        assert store.states(["a" * 16]) == {"a" * 16: "done"}


def test_a_path_with_odd_characters_is_a_path(tmp_path, put, a_result):
    path = tmp_path / "a b%20c?mode=ro#x&y" / ":memory:"
    with Store.open(path) as store:
        put(store, a_result())
    assert path.stat().st_size > 0


def test_a_result_that_was_acknowledged_survives_the_death_of_its_process(tmp_path):
    path = tmp_path / "runs.sqlite"
    child = in_python(
        """
        import os, sys
        from butfor.core.leases import Lease
        from butfor.core.records import Entry
        from butfor.core.results import TrainResult
        from butfor.core.store import Store
        store = Store.open(sys.argv[1])
        store.enlist("study", [Entry("dead", "cell", 0, "f")])
        lease = Lease(store).__enter__()
        lease.claim(["dead"])
        lease.finish(TrainResult("dead", "cell", 0, "f", "done", metrics={"test": {"mse": 0.1}}))
        os._exit(9)
        """,
        path,
    )
    assert child.wait(60) == 9
    with Store.open(path) as store:
        assert store.load(["dead"])[0].metrics == {"test": {"mse": 0.1}}


def test_the_store_is_written_ahead_synchronously_and_keeps_references(store):
    def pragma(name):
        return store.do(lambda connection: connection.exec_driver_sql(f"PRAGMA {name}").scalar())

    assert [pragma(name) for name in ("journal_mode", "synchronous", "foreign_keys")] == ["wal", 2, 1]


def test_two_processes_that_write_at_once_lose_and_double_nothing(tmp_path):
    path = tmp_path / "runs.sqlite"
    writers = [in_python(WRITER, path, name, 50) for name in ("one", "two")]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    names = [f"{who}-{i:04d}" for who in ("one", "two", "both") for i in range(50)]
    with Store.open(path) as store:
        assert store.states(names) == dict.fromkeys(names, "done")
        assert all(result.metrics == {"test": {"who": result.seed + 0.5}} for result in store.load(names))
        assert store.studies() == {"one": 100, "two": 100}
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*), count(DISTINCT key), max(attempts) FROM trials").fetchone() == (
            150,
            150,
            1,
        )
    raw.close()


def test_many_processes_may_create_a_store_at_once(tmp_path):
    path = tmp_path / "runs.sqlite"
    writers = [in_python(WRITER, path, f"w{i}", 1) for i in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    with Store.open(path) as store:
        assert len(store.states([f"w{i}-0000" for i in range(4)])) == 4


def test_the_write_ahead_log_waits_for_another_process_that_is_creating_the_store(tmp_path):
    path = tmp_path / "runs.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE x (y)")
    other.execute("BEGIN IMMEDIATE")
    mine = sqlite3.connect(path, timeout=0)
    release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
    release.start()
    database._write_ahead(mine)
    release.join()
    assert mine.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    mine.close()
    other.close()


def test_threads_of_one_process_share_a_store(store, put, a_result):
    threads = [
        threading.Thread(target=lambda n=n: [put(store, a_result(f"{n}{i}"), study="s") for i in range(5)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.studies() == {"s": 20}


def test_a_done_result_is_never_overwritten_or_doubled(store, put, a_result):
    first, second = a_result(seconds=1.0), a_result(seconds=2.0, metrics={"test": {"other": 0.5}})
    assert put(store, first) == [first.key]
    for _ in range(2):
        assert put(store, second) == []
        assert put(store, a_result(state="failed")) == []
        store.reset([first.key])
    [found] = store.load([first.key])
    assert fields_of(found) == fields_of(first)
    assert store.studies() == {"study": 1}


@pytest.mark.parametrize("state", ["failed", "diverged", "collapsed"])
def test_what_failed_is_replaced_only_by_a_retry(store, put, a_result, state):
    failed, better = a_result(state=state), a_result(seconds=7.0, metrics={"test": {"mae": 0.5}})
    assert put(store, failed) == [failed.key]
    assert put(store, better) == []
    assert store.states([failed.key]) == {failed.key: state}
    store.reset([failed.key])
    assert store.states([failed.key]) == {failed.key: "pending"}
    assert store.load([failed.key]) == []
    assert put(store, better) == [better.key]
    [found] = store.load([failed.key])
    assert fields_of(found) == fields_of(better)


def test_a_call_that_breaks_off_leaves_nothing(store, put, a_result, monkeypatch):
    put(store, a_result())

    def break_off(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("butfor.core.store._link", break_off)
    with pytest.raises(KeyboardInterrupt):
        store.enlist("study", [Entry("b" * 16, "cell", 1, "fold")])
    assert store.states(["a" * 16, "b" * 16]) == {"a" * 16: "done"}


def test_results_come_in_the_order_of_the_keys_each_once_and_unknown_ones_are_left_out(store, put, a_result):
    for key in ("b1", "a2", "c3"):
        put(store, a_result(key))
    assert [result.key for result in store.load(["c3", "nope", "b1", "c3", "a2"])] == ["c3", "b1", "a2"]
    assert store.states(["nope"]) == {}
    assert store.load([]) == []


def test_more_keys_than_a_statement_can_hold_are_asked_in_parts(store, put, a_result):
    put(store, a_result("k39999"))
    put(store, a_result("k00000", state="failed"))
    keys = [f"k{i:05d}" for i in range(40_000)]
    few = sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 1000  # as in SQLite on older systems
    store.do(lambda connection: connection.connection.driver_connection.setlimit(*few))
    assert store.states(keys) == {"k00000": "failed", "k39999": "done"}
    assert [result.key for result in store.load(iter(keys))] == ["k00000", "k39999"]


def test_studies_share_equal_trials(store, put, a_result):
    put(store, a_result("shared"), study="first")
    assert put(store, a_result("shared"), study="second") == []
    store.share("third", ["shared", "not here"])
    store.share("third", ["shared"])
    assert store.studies() == {"first": 1, "second": 1, "third": 1}
    assert len(store.load(["shared"])) == 1


def test_nan_and_infinity_of_a_diverged_trial_come_back(store, put, a_result):
    curve = ({"loss": 2.0, "select": -math.inf}, {"loss": math.nan, "valid.mse": math.inf})
    metrics = {"test": {"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.float32(0.1)}}
    put(store, a_result(state="diverged", curve=curve, metrics=metrics))
    [found] = store.load(["a" * 16])
    assert found.curve[0] == curve[0]
    assert math.isnan(found.curve[1]["loss"])
    assert found.curve[1]["valid.mse"] == math.inf
    test = found.metrics["test"]
    assert math.isnan(test.pop("a"))
    assert test == {"b": math.inf, "c": -math.inf, "d": float(np.float32(0.1))}


def test_what_is_stored_is_json_that_other_programs_read(store, put, a_result):
    result = a_result(curve=({"loss": math.nan},), provenance={"n": np.int64(3), "x": np.float64(0.5), "t": (1, 2)})
    put(store, result)
    raw = sqlite3.connect(store.path)
    curve, provenance = raw.execute("SELECT curve, provenance FROM trials").fetchone()
    raw.close()
    assert curve == '[{"loss": null}]'
    assert provenance == '{"n": 3, "x": 0.5, "t": [1, 2]}'


def test_a_value_that_is_not_json_is_named(store, put, a_result):
    with pytest.raises(RecordError, match=r"provenance\.device is a object"):
        put(store, a_result(provenance={"device": object()}))
    assert store.states(["a" * 16]) == {"a" * 16: "pending"}
    with pytest.raises(StoreError, match=r"settings\.x is a set"):
        put(store, a_result("b" * 16), settings={"x": {1}})
    assert store.states(["b" * 16]) == {}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats(), min_size=1, max_size=8), text=st.text())
def test_numbers_come_back_bit_by_bit_and_texts_letter_by_letter(store, put, a_result, values, text):
    key = f"key-{sum(store.studies().values())}"
    names = {f"m{i}": value for i, value in enumerate(values)}
    put(store, a_result(key, message=text, metrics={text: names}, curve=(names,)), settings={text: text})
    [found] = store.load([key])

    def bits(numbers):
        return [b"nan" if math.isnan(x) else struct.pack("d", x) for x in numbers.values()]

    assert bits(found.metrics[text]) == bits(names)
    assert bits(found.curve[0]) == bits(names)
    assert found.message == readable(text)
    assert json.loads(store.row(key)["settings"]) == {text: text}


@pytest.mark.parametrize(("text", "kept"), [("a\0b", r"a\x00b"), ("a\ud800b", r"a\ud800b"), ("\u00e9", "\u00e9")])
def test_letters_that_no_database_keeps_are_spelt_out(store, put, a_result, text, kept):
    put(store, a_result(message=text, log=text))
    [found] = store.load(["a" * 16])
    assert (found.message, found.log) == (kept, kept)


def test_reading_does_not_wait_for_a_writer(store, put, a_result):
    put(store, a_result())
    assert store.do(lambda _: store.states(["a" * 16]), write=True) == {"a" * 16: "done"}


def test_a_store_that_another_process_holds_is_told(tmp_path, monkeypatch, put, a_result):
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    with Store.open(tmp_path / "runs.sqlite") as store:
        raw = sqlite3.connect(store.path, isolation_level=None)
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="held by another process"):
            put(store, a_result())
        raw.execute("ROLLBACK")
        raw.close()
        assert put(store, a_result()) == ["a" * 16]


@pytest.mark.parametrize(("pragma", "words"), [("max_page_count=1", "make room"), ("query_only=ON", "permissions")])
def test_a_disk_that_takes_nothing_more_is_told_and_keeps_what_it_has(store, pragma, words, put, a_result):
    put(store, a_result())
    store.do(lambda connection: connection.exec_driver_sql(f"PRAGMA {pragma}"))
    with pytest.raises(StoreError, match=words):
        put(store, a_result("b" * 16, message="long " * 10_000))
    assert store.states(["a" * 16, "b" * 16])["a" * 16] == "done"
    assert [result.key for result in store.load(["a" * 16, "b" * 16])] == ["a" * 16]


def test_a_newer_store_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "runs.sqlite"
    Store.open(path).close()
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("UPDATE butfor_store SET version = ?", (VERSION + 1,))
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=rf"version {VERSION + 1}, and this butfor reads version {VERSION}"):
        Store.open(path)
    assert path.read_bytes() == before
    assert open_files(tmp_path) == []


def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.sqlite"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE mine (x)")
    raw.close()
    with pytest.raises(StoreError, match="no run store of butfor"):
        Store.open(path)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path):
    path = tmp_path / "runs.sqlite"
    path.write_text("these are notes, not a database\n" * 50)
    with pytest.raises(StoreError, match=r"damaged or no run store .*move it away"):
        Store.open(path)
    assert path.read_text().startswith("these are notes")


def test_a_damaged_store_is_told(tmp_path, put, a_result):
    path = tmp_path / "runs.sqlite"
    with Store.open(path) as store:
        for i in range(200):
            put(store, a_result(f"key{i}"))
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 12 * 4096] = bytes(9 * 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(path)


def test_places_that_cannot_be_are_told(tmp_path):
    with pytest.raises(StoreError, match=r"no results at .*butfor run"):
        Store.open(tmp_path / "none" / "runs.sqlite", create=False)
    assert not (tmp_path / "none").exists()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the folder"):
        Store.open(tmp_path / "file" / "runs.sqlite")


def test_an_unknown_trial_has_no_row(store):
    with pytest.raises(StoreError, match="no trial 'nope'"):
        store.row("nope")


def test_the_store_is_in_the_folder_unless_the_environment_names_a_server(monkeypatch, tmp_path):
    monkeypatch.delenv("BUTFOR_STORE", raising=False)
    assert store_of(tmp_path) == tmp_path / "store.sqlite"
    monkeypatch.setenv("BUTFOR_STORE", "postgresql://me@host/runs")
    assert store_of(tmp_path) == "postgresql://me@host/runs"


@pytest.mark.parametrize("address", ["mysql://me:secret@host/runs", "sqlite:///file", "http://host", "://"])
def test_a_server_that_is_not_postgresql_is_refused_without_telling_its_password(address):
    with pytest.raises(StoreError, match="postgresql://USER@HOST/DATABASE") as refused:
        Store.open(address)
    assert "secret" not in str(refused.value)


def test_a_closed_store_leaves_nothing_open(tmp_path, put, a_result):
    with Store.open(tmp_path / "runs.sqlite") as store:
        put(store, a_result())
    assert open_files(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["runs.sqlite"]
