"""A store on PostgreSQL: the same promises, told in the same words."""

import time

import pytest
from sqlalchemy import text

from butfor.core import database as database_module
from butfor.core.errors import StoreError
from butfor.core.schema import VERSION, trials
from butfor.core.store import Store


def test_a_result_comes_back_as_it_was(database, put, a_result):
    result = a_result(message="a\0b \ud800 \u00e9", curve=({"loss": 0.1 + 0.2, "select": float("-inf")},), seed=2**40)
    with Store.open(database) as store:
        assert put(store, result) == [result.key]
    with Store.open(database, create=False) as store:
        [found] = store.load([result.key])
    assert found.metrics == result.metrics
    assert found.curve == result.curve
    assert (found.seed, found.seconds, found.message) == (2**40, 12.345, "a\\x00b \\ud800 \u00e9")


def test_a_row_that_was_changed_is_found_when_it_is_read(database, put, a_result):
    with Store.open(database) as store:
        put(store, a_result())
        store.do(lambda c: c.execute(trials.update().values(seconds=1.0)), write=True)
        with pytest.raises(StoreError, match="damaged"):
            store.load(["a" * 16])


def test_an_empty_database_has_no_results_and_a_newer_one_is_refused(database):
    with pytest.raises(StoreError, match="no results in"):
        Store.open(database, create=False)
    with Store.open(database) as store:
        store.do(lambda c: c.execute(text(f"UPDATE butfor_store SET version = {VERSION + 1}")), write=True)
    with pytest.raises(StoreError, match=f"version {VERSION + 1}, and this butfor reads"):
        Store.open(database)


def test_tables_of_others_are_left_alone_and_ours_of_others_are_not_taken(database):
    with Store.open(database) as store:
        store.do(lambda c: c.execute(text("CREATE TABLE mine (x int)")), write=True)
    Store.open(database).close()
    with Store.open(database) as store:
        store.do(lambda c: c.execute(text("DROP TABLE butfor_store")), write=True)
    with pytest.raises(StoreError, match="no run store of butfor"):
        Store.open(database)


def test_reading_does_not_wait_for_a_writer(database, put, a_result):
    with Store.open(database) as store:
        put(store, a_result())
        assert store.do(lambda _: store.states(["a" * 16]), write=True) == {"a" * 16: "done"}


def test_a_server_that_another_writer_holds_is_told(database, monkeypatch, put, a_result):
    monkeypatch.setattr(database_module, "PATIENCE", 1.0)
    with Store.open(database) as store, Store.open(database) as other:

        def held(_):
            with pytest.raises(StoreError, match="held by another process"):
                put(other, a_result())

        store.do(held, write=True)
        assert put(other, a_result()) == ["a" * 16]


def test_a_server_that_does_not_answer_is_told_at_once_without_the_password(server):
    started = time.monotonic()
    with pytest.raises(StoreError, match="cannot be reached") as refused:
        Store.open("postgresql://me:secret@127.0.0.1:1/runs")
    assert "secret" not in str(refused.value)
    assert time.monotonic() - started < 20


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"butfor\[postgres\]"):
        Store.open("postgresql://me@127.0.0.1:1/runs")
