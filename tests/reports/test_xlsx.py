"""Workbooks: the numbers of the table, marks, the same bytes each time, and words where openpyxl is missing."""

import dataclasses
import io
import sys

import openpyxl
import pytest

from butfor.core.errors import StudyError
from butfor.reports.xlsx import xlsx


def book(*tables):
    return openpyxl.load_workbook(io.BytesIO(xlsx(tables)))


def test_a_table_is_a_sheet_as_printed_and_a_sheet_of_numbers(small):
    found = book(small)
    assert found.sheetnames == ["parts", "parts numbers"]
    printed = [[cell.value for cell in row] for row in found["parts"].iter_rows(min_row=3, max_row=5)]
    assert printed[0] == [column.single for column in small.sheet().columns]
    assert [row[0] for row in printed[1:]] == ["full system", "w/o gate"]
    numbers = list(found["parts numbers"].iter_rows(values_only=True, max_row=3))
    assert numbers[0] == tuple(small.frame().columns)
    assert numbers[1][numbers[0].index("weighted_f1")] == small.rows[0].scores["weighted_f1"].mean
    assert numbers[1][numbers[0].index("weighted_f1_delta")] is None


def test_the_best_is_bold_and_the_second_underlined(small):
    page = book(small)["parts"]
    assert page.cell(4, 3).value == "0.815 ± 0.013"
    assert page.cell(4, 3).font.bold
    assert page.cell(5, 3).font.underline == "single"


def test_the_same_table_gives_the_same_bytes(small):
    assert xlsx([small, small]) == xlsx([small, small])


def test_no_text_is_a_formula_and_any_name_is_a_sheet(small):
    rows = (dataclasses.replace(small.rows[0], label="=1+1"), small.rows[1])
    nasty = dataclasses.replace(small, name="a/b*[c]" * 9, rows=rows)
    found = book(nasty, nasty)
    assert len(found.sheetnames) == 4
    assert all(len(name) <= 31 for name in found.sheetnames)
    cell = found.worksheets[0].cell(4, 1)
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_a_book_without_tables_can_be_opened():
    assert book().sheetnames == ["no tables"]


def test_without_openpyxl_the_words_say_what_to_install(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(StudyError, match=r"butfor\[xlsx\]"):
        xlsx([small])
