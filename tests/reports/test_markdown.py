"""Markdown: aligned, escaped, the same for GitHub and a terminal."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from butfor.reports.markdown import markdown, markdown_text
from butfor.reports.sheet import Cell, Column, Sheet


def sheet(label="x", caption="", notes=()):
    columns = (Column("System", "left"), Column("F1", "right"))
    rows = ((Cell(label), Cell("0.5", "0.1", "best")), (Cell("y"), Cell("0.4", "0.1")))
    return Sheet("s", caption, columns, rows, tuple(notes), set_apart=False)


def test_the_small_table_reads_as_printed(small):
    assert markdown(small.sheet()) == (
        "Parts: each component removed in turn (study small, test split).\n"
        "\n"
        "| System      | gate |     Weighted F1 ↑ |      Δ |             MSE ↓ |      Δ |   n |\n"
        "|-------------|:----:|------------------:|-------:|------------------:|-------:|----:|\n"
        "| full system |  ✓   | **0.815** ± 0.013 |        | **0.500** ± 0.000 |        | 4/4 |\n"
        "| w/o gate    |  ✗   |  _0.710_  ± 0.010 | −0.100 |  _0.600_  ± 0.000 | +0.100 | 3/4 |\n"
        "\n"
        "Mean ± sd (ddof 1) over 2 seeds × 2 folds (n as shown); test split, at the epoch that validation selected.\n"
        "Δ: mean difference from “full system”, paired by seed and fold (3 of 4 blocks).\n"
        "With 2 folds there is no p and no verdict, at most an interval: 5 folds are the fewest.\n"
        "Best and second: by the means over the 3 blocks (seed on fold) that all ranked rows have, not by those "
        "shown.\n"
        "Left out of every mean: 1 diverged (w/o gate).\n"
        "**Bold**: best mean of the column; _slanted_: second best; equal digits are marked alike.\n"
    )


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("<script>", r"\<script\>"),
        ("*x* `y` [z] ~a~ $m$", r"\*x\* \`y\` \[z\] \~a\~ \$m\$"),
        ("losses.info_nce", "losses.info_nce"),
        ("_x_ y_", r"\_x\_ y\_"),
        ("AT&T &lt; &#60;", r"AT&T \&lt; \&#60;"),
        ("a\\", "a\\\\"),
    ],
)
def test_what_means_something_in_markdown_is_escaped(text, escaped):
    assert markdown_text(text) == escaped


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_every_line_of_the_table_has_the_same_width_and_number_of_fields(label):
    lines = markdown(sheet(label)).splitlines()[2:6]
    assert len({cell_len(line) for line in lines}) == 1
    unescaped = [re.sub(r"\\[\\|]", "", line).count("|") for line in lines]
    assert unescaped == [3, 3, 3, 3]


def test_wide_characters_take_two_places():
    lines = markdown(sheet("情感")).splitlines()[2:6]
    assert len({cell_len(line) for line in lines}) == 1
    assert len({len(line) for line in lines}) == 2


@pytest.mark.parametrize(
    ("text", "line"), [("# x", r"\# x"), ("- x", r"\- x"), ("1. x", r"1\. x"), ("=x", r"\=x"), ("1.5 x", r"1\.5 x")]
)
def test_a_caption_or_note_begins_no_heading_or_list(text, line):
    lines = markdown(sheet(caption=text, notes=[text])).splitlines()
    assert lines[0] == line
    assert lines[-2] == line
