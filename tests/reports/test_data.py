"""CSV and JSON."""

import dataclasses
import io
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butfor.reports.data import csv, guarded, json_rows


def read(text):
    return pd.read_csv(
        io.StringIO(text),
        dtype={"label": str},
        keep_default_na=False,
        na_values={"weighted_f1_delta": "", "weighted_f1_wins": ""},
    )


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", " =", "＝"])  # noqa: RUF001 - a wide equals sign on purpose
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(first):
    assert guarded(f"{first}cmd()") == f"'{first}cmd()"


@pytest.mark.parametrize("text", ["w/o gate", "", "1+1", "a=b", "'x"])
def test_other_texts_are_left_alone(text):
    assert guarded(text) == text


SIZES = ("superiority", "superiority_low", "superiority_high", "hedges_g", "d_z", "p_equivalent")
EMPTY = [f"weighted_f1_{name}" for name in ("sd", "ci_low", "ci_high", "p", "p_adjusted", *SIZES)]
"""Of one run each, and so without a number."""


@settings(max_examples=40, deadline=None)
@given(st.text(), st.floats(-1e300, 1e300), st.floats(-1, 1))
def test_csv_comes_back_through_pandas(make_table, label, one, other):
    table = make_table(
        {"full": {(1, "a"): {"weighted_f1": one}}, "less": {(1, "a"): {"weighted_f1": other}}}, labels={"less": label}
    )
    back, frame = read(csv(table)), table.frame()
    assert list(back.columns) == list(frame.columns)
    assert back["label"].tolist() == ["full", guarded(table.rows[1].label)]
    numbers = frame.select_dtypes("number").columns.drop(list(EMPTY))
    pd.testing.assert_frame_equal(back[numbers], frame[numbers], rtol=1e-12, atol=0, check_dtype=False)


def test_levels_and_headings_are_guarded_too(make_table):
    done = {(1, "a"): {"weighted_f1": 0.5}}
    factors = ("=HYPERLINK()", "plain")
    table = make_table({"x": done}, factors=factors, levels={"x": {"=HYPERLINK()": "@SUM(A1)", "plain": "+1"}})
    back = read(csv(table))
    assert back.columns[2] == "'=HYPERLINK()"
    assert back.iloc[0, 2:4].tolist() == ["'@SUM(A1)", "'+1"]


def test_json_is_a_list_of_rows_without_nan(small):
    rows = json.loads(json_rows([small]), parse_constant=pytest.fail)
    assert rows == small.records()


def test_json_writes_null_for_what_it_cannot_hold(small):
    score = dataclasses.replace(small.rows[0].scores["mse"], mean=float("inf"))
    row = dataclasses.replace(small.rows[0], scores={"mse": score})
    rows = json.loads(json_rows([dataclasses.replace(small, rows=(row,))]), parse_constant=pytest.fail)
    assert rows[0]["mean"] is None
