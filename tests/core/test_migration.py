"""A store of version 1, as the first release wrote it, opens with every row."""

import dataclasses
import json
import math
import sqlite3

import numpy as np
import pytest
from sqlalchemy import select, update

from butfor.core.errors import StoreError
from butfor.core.evidence_records import kept_evidence
from butfor.core.predictions import read_predictions, write_predictions
from butfor.core.schema import VERSION, evidence, version_table
from butfor.core.store import Store

KEY = "0123456789abcdef"
FIRST = """
CREATE TABLE butfor_store (version INTEGER NOT NULL, PRIMARY KEY (version));
CREATE TABLE trials ("key" VARCHAR(128) NOT NULL, cell VARCHAR(128) NOT NULL, seed INTEGER NOT NULL,
  fold TEXT NOT NULL, state VARCHAR(16) NOT NULL, message TEXT NOT NULL, selected_epoch INTEGER NOT NULL,
  seconds DOUBLE NOT NULL, splits JSON NOT NULL, curve JSON NOT NULL, settings JSON NOT NULL,
  provenance JSON NOT NULL, finished_at VARCHAR(32) NOT NULL, PRIMARY KEY ("key"));
CREATE INDEX ix_trials_cell ON trials (cell);
CREATE TABLE metrics ("key" VARCHAR(128) NOT NULL, split VARCHAR(255) NOT NULL, metric VARCHAR(255) NOT NULL,
  place INTEGER NOT NULL, value DOUBLE, PRIMARY KEY ("key", split, metric),
  FOREIGN KEY("key") REFERENCES trials ("key"));
CREATE TABLE studies (study VARCHAR(255) NOT NULL, "key" VARCHAR(128) NOT NULL, PRIMARY KEY (study, "key"),
  FOREIGN KEY("key") REFERENCES trials ("key"));
CREATE INDEX ix_studies_key ON studies ("key");
INSERT INTO butfor_store VALUES (1);
"""


def first(path):
    raw = sqlite3.connect(path)
    raw.executescript("PRAGMA journal_mode=WAL;" + FIRST)
    with raw:
        curve = json.dumps([{"loss": 1.5, "select": "-inf"}, {"loss": None, "select": 0.5}])
        rest = json.dumps({"x": 1}), json.dumps({"torch": "2.13"}), "2026-01-01T00:00:00.000000+00:00"
        splits = json.dumps(["valid", "test", "empty"])
        row = (KEY, "cell", 3, "fold", "done", "", 1, 2.5, splits, curve, *rest)
        raw.execute(f"INSERT INTO trials VALUES ({','.join('?' * 13)})", row)
        row = ("fedcba9876543210", "cell", 4, "fold", "failed", "ValueError: x", -1, 0.1, "[]", "[]", *rest)
        raw.execute(f"INSERT INTO trials VALUES ({','.join('?' * 13)})", row)
        values = [("valid", "f1", 0, 0.1), ("valid", "mse", 1, None), ("test", "f1", 2, math.inf)]
        raw.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", [(KEY, *value) for value in values])
        raw.execute("INSERT INTO studies VALUES ('study', ?)", (KEY,))
    raw.close()


def test_every_row_comes_over_with_its_numbers_its_study_and_the_checksum_of_its_predictions(tmp_path):
    first(tmp_path / "store.sqlite")
    write_predictions(tmp_path / "predictions", KEY, {"test/a": np.arange(3)})
    for _ in range(2):  # the second time it is of the present version
        with Store.open(tmp_path / "store.sqlite") as store:
            done, failed = store.load([KEY, "fedcba9876543210"])
            assert store.studies() == {"study": 1}
            row = store.row(KEY)
    assert list(done.metrics) == ["valid", "test", "empty"]
    assert done.metrics["valid"].pop("f1") == 0.1
    assert math.isnan(done.metrics["valid"].pop("mse"))
    assert done.metrics["test"] == {"f1": math.inf}
    assert done.curve[0] == {"loss": 1.5, "select": -math.inf}
    assert math.isnan(done.curve[1]["loss"])
    assert (done.state, done.seed, done.selected_epoch, done.seconds) == ("done", 3, 1, 2.5)
    assert (failed.kind, failed.message) == ("error", "ValueError: x")
    assert json.loads(row["settings"]) == {"x": 1}
    assert row["finished_at"].startswith("2026-01-01")
    assert read_predictions(tmp_path / "predictions", KEY, row["predictions"])["test/a"].tolist() == [0, 1, 2]


def test_a_move_that_breaks_off_leaves_the_old_store_as_it_was(tmp_path, monkeypatch):
    first(tmp_path / "store.sqlite")

    def break_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("butfor.core.migration._brought_over", break_off)
    with pytest.raises(KeyboardInterrupt):
        Store.open(tmp_path / "store.sqlite")
    raw = sqlite3.connect(tmp_path / "store.sqlite")
    assert raw.execute("SELECT version FROM butfor_store").fetchone() == (1,)
    assert raw.execute("SELECT count(*) FROM metrics").fetchone() == (3,)
    raw.close()
    monkeypatch.undo()
    with Store.open(tmp_path / "store.sqlite") as store:
        assert store.states([KEY]) == {KEY: "done"}


def test_a_version_that_never_was_is_refused(tmp_path):
    first(tmp_path / "store.sqlite")
    raw = sqlite3.connect(tmp_path / "store.sqlite")
    with raw:
        raw.execute("UPDATE butfor_store SET version = -3")
    raw.close()
    with pytest.raises(StoreError, match="version -3, which never was"):
        Store.open(tmp_path / "store.sqlite")
    assert VERSION == 3


def test_a_store_without_evidence_gets_its_table_and_keeps_every_row(where, put, a_result):
    with Store.open(where) as store:
        put(store, a_result())
        written = store.load(["a" * 16])
        store.do(evidence.drop, write=True)
        store.do(lambda c: c.execute(update(version_table).values(version=2)), write=True)
    with Store.open(where, create=False) as store:
        assert [dataclasses.asdict(one) for one in store.load(["a" * 16])] == [
            dataclasses.asdict(one) for one in written
        ]
        assert kept_evidence(store, "study") == ()
        assert store.do(lambda c: c.scalar(select(version_table.c.version))) == VERSION
