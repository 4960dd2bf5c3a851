"""Every format of a table, and the files of a study."""

import os
import stat
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from butfor.core.errors import StoreError, StudyError
from butfor.core.study.plan import TableSettings
from butfor.core.study.table_settings import FormatSettings
from butfor.reports.frame import tidy
from butfor.reports.render import FORMATS, file_names, render, write_tables
from butfor.reports.table import tabulate
from butfor.reports.xlsx import xlsx

ENDINGS = [".md", ".tex", ".html", ".csv", ".json"]


@settings(max_examples=60, deadline=None)
@given(
    st.text(),
    st.text(),
    st.text(),
    st.one_of(st.text(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.none()),
)
def test_no_text_of_a_study_breaks_a_format(make_table, label, caption, factor, level):
    """Rendering also has to be writable: lone surrogates and control codes are gone by then."""
    outcomes = {cell: {(seed, "a"): {"weighted_f1": 0.5} for seed in (1, 2)} for cell in ("full", "less")}
    table = make_table(
        outcomes,
        {"caption": caption},
        labels={"less": label},
        factors=(factor, "other"),
        levels={"less": {factor: None if level != level else level, "other": "x"}},  # noqa: PLR0124 - NaN is no JSON
    )
    for style in FORMATS:
        text = render(table, style).encode("utf-8").decode("utf-8")
        assert "0.5" in text
        assert "\x1b" not in text


def test_a_row_of_one_run_that_ties_with_the_best_has_its_mark_in_every_format(make_plan, make_results):
    """A mark that hung on the spread was missing where there is none, below a note that explained it."""
    outcomes = {"full": [0.80, 0.82, 0.84, 0.81, 0.83], "once": [0.81], "worse": [0.50, 0.52, 0.54, 0.51, 0.53]}
    made = {
        cell: {(seed, "a"): {"weighted_f1": value} for seed, value in enumerate(values)}
        for cell, values in outcomes.items()
    }
    plan = make_plan(made).model_copy(update={"paired": False})
    table = TableSettings.model_validate({"design": "parts", "statistics": {"test": "pooled_t"}})
    made_table = tabulate(tidy(make_results(made), plan), plan, table)
    once = next(row for row in made_table.rows if row.label == "once").scores["weighted_f1"]
    assert (once.sd, once.tied) == (None, True)
    assert any(note.startswith("†: not told apart") for note in made_table.notes)
    assert made_table.shown().iloc[1, 1] == "_0.810_†"
    assert " _0.810_† " in render(made_table, "markdown")
    assert "<u>0.810</u>†</td>" in render(made_table, "html")
    assert r"\underline{0.810}\dag{} &" in render(made_table, "latex")
    aligned = replace(made_table, settings=table.model_copy(update={"format": FormatSettings(siunitx=True)}))
    assert r"\slshape 0.810 {\rlap{$^{\dag}$}}" in render(aligned, "latex")
    console = Console(width=200, file=StringIO())
    console.print(made_table)
    assert "0.810†" in console.file.getvalue()
    page = pytest.importorskip("openpyxl").load_workbook(BytesIO(xlsx([made_table]))).worksheets[0]
    assert [page.cell(4 + row, 2).value for row in range(3)] == ["0.820 ± 0.016", "0.810†", "0.520 ± 0.016"]


def test_an_unknown_format_is_refused_with_the_nearest(small):
    with pytest.raises(StudyError, match=r"'latx' is no format of a table; did you mean 'latex'\?"):
        render(small, "latx")


def test_several_tables_are_one_text_with_references_told_apart(small):
    assert render([small, small], "latex").count(r"\label{tab:parts}") == 1
    assert render([small, small]).count("| System ") == 2
    assert render([small, small], "html").count("<table>") == 2
    assert render([small, small], "html").count("<!DOCTYPE html>") == 1
    assert render([], "markdown") == ""
    assert render([], "json") == "[]\n"


def test_each_table_has_a_file_in_every_format_and_all_share_a_document(small, tmp_path):
    written = write_tables([small, small], tmp_path / "new" / "tables")
    expected = {f"{name}{ending}" for name in ("parts", "parts-2") for ending in ENDINGS} | {"tables.tex"}
    assert (
        {path.name for path in written} == expected == {path.name for path in (tmp_path / "new" / "tables").iterdir()}
    )
    assert (tmp_path / "new" / "tables" / "parts.md").read_text(encoding="utf-8") == render(small)
    assert r"\label{tab:parts-2}" in (tmp_path / "new" / "tables" / "tables.tex").read_text(encoding="utf-8")


def test_writing_again_replaces_files_and_leaves_others(small, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    first = [path.read_bytes() for path in write_tables([small], tmp_path)]
    assert [path.read_bytes() for path in write_tables([small], tmp_path)] == first
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(small, tmp_path, monkeypatch):
    path = write_tables([small], tmp_path)[0]
    before = path.read_bytes()

    def refuse(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match="No space left"):
        write_tables([small], tmp_path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_made_is_said_by_name(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write tables to '.*file"):
        write_tables([small], tmp_path / "file" / "tables")


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX")
def test_files_have_the_ordinary_mode(small, tmp_path):
    (tmp_path / "ordinary").touch()
    path = write_tables([small], tmp_path)[0]
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "ordinary").stat().st_mode)


def test_names_of_files_are_safe_everywhere_and_differ():
    names = ["a/b", "A-b", "../x", "", "情感", "tables", "CON", "nul.txt", "x" * 300, "x" * 300, "a b"]
    assert file_names(names) == [
        "a-b", "A-b-2", "x", "table", "table-2", "tables-2",
        "CON-table", "nul.txt-table", "x" * 80, "x" * 80 + "-2", "a-b-3",
    ]  # fmt: skip


@given(st.lists(st.text(), max_size=8))
def test_no_two_files_share_a_name_and_none_leaves_the_folder(names):
    found = file_names(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert all(name == Path(name).name and name not in {"", ".", "..", "tables"} for name in found)
