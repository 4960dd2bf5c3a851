"""Labels become one plain line."""

# ruff: noqa: RUF001 - tables print the true minus, the en dash and other look-alikes

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butfor.reports.text import plain


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("w/o gate", "w/o gate"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;196mred\x1b[m tail", "red tail"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07kept", "kept"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bcreset", "reset"),
        ("two\r\nlines\tand  more\u2028end", "two lines and more end"),
        ("bell\x07 null\x00", "bell null"),
        ("\u202eevil\u202c", "evil"),
        ("\ud800", "\ufffd"),
        ("情感 α ✓ 👩‍💻", "情感 α ✓ 👩‍💻"),
    ],
)
def test_control_codes_go_and_words_stay(text, line):
    assert plain(text) == line


@given(st.text(alphabet=st.characters()))
def test_no_control_character_survives_and_a_second_pass_changes_nothing(text):
    line = plain(text)
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert plain(line) == line
    line.encode("utf-8")
