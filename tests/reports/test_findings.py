"""Findings as text with the line of the file, and as JSON."""

import json
from pathlib import Path

import pytest

from butfor.core.errors import Finding
from butfor.reports.costs import duration, size
from butfor.reports.findings import finding_json, finding_text, findings_text, severe_text, summary


@pytest.fixture
def at(tmp_path: Path):
    """A finding in a file of one text."""

    def make(text: str, line: int, column: int, **rest) -> Finding:
        file = tmp_path / "study.yaml"
        file.write_bytes(text.encode())
        return Finding("wrong", str(file), line, column, **rest)

    return make


def marked(finding: Finding) -> str:
    """What the carets stand under."""
    source, under = finding_text(finding).splitlines()[1:3]
    return "".join(letter for letter, mark in zip(source, under.ljust(len(source)), strict=False) if mark == "^")


def test_the_word_that_is_wrong_is_marked(at) -> None:
    assert marked(at("a: {fusion: low_rnk, b: c}\n", 1, 13)) == "low_rnk"
    assert marked(at("a: 'two words'\n", 1, 4)) == "'two words'"
    assert marked(at("x: 1\r\na: [1, 2]\r\n", 2, 5)) == "1"
    assert marked(at("a:\n", 1, 3)) == "", "the end of a line has a caret and no word"
    assert finding_text(at("a:\n", 1, 3)).endswith("|   ^")


def test_the_first_line_is_the_finding_and_its_code(at) -> None:
    finding = at("a: b\n", 1, 4, path="a", code="BF205", remedy="did you mean 'c'?")
    assert finding_text(finding).splitlines()[0] == f"{finding.file}:1:4: a: wrong; did you mean 'c'? [BF205]"
    assert str(finding) == f"{finding.file}:1:4: a: wrong; did you mean 'c'?"


def test_a_long_line_is_cut_around_the_mark(at) -> None:
    finding = at(f"{'x: y, ' * 60}bad: 1{', z: 2' * 60}\n", 1, 361)
    assert marked(finding) == "bad"
    assert max(map(len, finding_text(finding).splitlines()[1:])) < 130


def test_wide_letters_and_tabs_keep_the_mark_in_its_place(at) -> None:
    under = finding_text(at("感情: bad\n", 1, 5)).splitlines()[2]
    assert under.index("^") - under.index("|") == 2 + 6
    assert marked(at("a:\tbad\n", 1, 4)) == "bad"


def test_nothing_in_a_file_reaches_the_terminal_as_a_command(at) -> None:
    assert "\x1b" not in finding_text(at("a: \x1b[31mred\n", 1, 4, explanation="\x1b]0;x"))


def test_a_place_that_is_not_there_any_more_is_told_without_a_line(at) -> None:
    assert finding_text(at("a: b\n", 7, 1)).count("\n") == 0
    assert finding_text(Finding("wrong", "/nowhere/x.yaml", 1, 1)) == "/nowhere/x.yaml:1:1: wrong"
    assert finding_text(Finding("wrong")) == "wrong"


def test_what_is_no_error_says_so(at) -> None:
    warning = at("a: b\n", 1, 1, code="BF601", severity="warning", cells=("p", "q", "r", "s"))
    assert severe_text(warning).splitlines()[0].endswith("wrong [warning BF601]")
    assert severe_text(warning).endswith("= in 'p', 'q', 'r' and 1 more")
    assert findings_text([warning, warning]).count("BF601") == 2
    assert summary([warning], 1) == "1 cell checked: no errors, 1 warning, no notes"
    assert summary([], 0) == "no errors, no warnings, no notes"


def test_json_has_the_keys_of_the_design_and_the_words_of_the_code() -> None:
    told = finding_json(Finding("wrong", "f", 1, 2, "p", "BF601", "warning", cells=("c",)))
    assert json.loads(json.dumps(told)) == told
    assert list(told) == [
        *("code", "severity", "file", "line", "column", "path", "cells", "message", "explanation", "remedy")
    ]
    assert "seeds" in told["explanation"]
    assert finding_json(Finding("wrong", remedy="do this"))["remedy"] == "do this"


def test_times_and_sizes_are_short() -> None:
    assert [duration(x) for x in (0.25, 59.94, 60, 5400)] == ["0.2 s", "59.9 s", "1 min", "1.5 h"]
    assert [size(x) for x in (12, 1234, 5_600_000)] == ["12 B", "1.2 kB", "5.6 MB"]
