"""Marks: the gravest of a cell, beside its label and explained; evidence in words."""

import pytest

from butfor.core.evidence import Evidence
from butfor.reports.proof import as_text, marks


def said(cell: str, mark: str = "", message: str = "something", **more) -> Evidence:
    return Evidence(cell=cell, question="what leaves", phase="before", message=message, mark=mark, **more)


@pytest.mark.parametrize(
    ("given", "gravest"), [(["½", "⊘"], "⊘"), (["⊘", "≡", "½"], "≡"), (["", "½"], "½"), (["≡", ""], "≡")]
)
def test_the_gravest_mark_of_a_cell_counts(given: list[str], gravest: str) -> None:
    assert marks([said("a", mark) for mark in given]) == {"a": gravest}


def test_cells_without_a_mark_are_left_out() -> None:
    assert marks([said("a"), said("b", "⊘")]) == {"b": "⊘"}


def test_what_many_cells_share_is_told_once_unless_one_is_asked_for() -> None:
    records = [said(cell, message="they share it", details={"code": "BF705"}) for cell in "ab"]
    labels = {"a": "first", "b": "second"}
    short = as_text(records, labels, ["a", "b"], full=False)
    assert short.count("they share it") == 1
    assert "second" not in short
    assert "second  (b)" in as_text(records, labels, ["b"], full=True)


def test_a_cell_of_which_nothing_is_odd_is_counted_and_told_in_full_when_asked_for() -> None:
    records = [said("a", message="all is well")]
    assert as_text(records, {"a": "first"}, ["a"], full=False).startswith("1 of 1 cells: nothing odd")
    assert "all is well" in as_text(records, {"a": "first"}, ["a"], full=True)


def test_what_a_mark_means_is_said_below() -> None:
    text = as_text([said("a", "½")], {"a": "first"}, ["a"], full=False)
    assert text.startswith("½ first  (a)\n  before training, what leaves: ½ something")
    assert text.endswith("½ the ablation took effect in part")
