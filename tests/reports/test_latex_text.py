"""Any text for LaTeX."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butfor.reports.latex_text import latex_text
from butfor.reports.text import plain


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("50%_x&y#{}", r"50\%\_x\&y\#\{\}"),
        ("~^\\$", r"\textasciitilde{}\textasciicircum{}\textbackslash{}\$"),
        ("a|b<c>", r"a\textbar{}b\textless{}c\textgreater{}"),
        ("[x]*", "{[}x{]}{*}"),
        ("a--b", "a-{}-b"),
        ("?`!`''", "?{}`{}!{}`{}'{}'"),
        ("± – ✓ ✗ −", r"$\pm$ -- $\checkmark$ $\times$ $-$"),
        ("αΓΑς λ", r"$\alpha$$\Gamma$A$\varsigma$ $\lambda$"),
        ("é Å ï Č ş ő", r"""\'{e} \r{A} \"{\i} \v{C} \c{s} \H{o}"""),
        ("e\u0301", r"\'{e}"),
        ("ﬁ x²₂", r"{fi} x\textsuperscript{2}\textsubscript{2}"),
        ("情", "{[}U+60C5{]}"),
        ("👩\u200d💻\ufe0f", "{[}U+1F469{]}{[}U+1F4BB{]}"),
        ("한", "{[}U+D55C{]}"),
    ],
)
def test_each_character_is_mapped_escaped_or_named_by_its_number(text, escaped):
    assert latex_text(text) == escaped


@given(st.text())
def test_only_ascii_comes_out_with_braces_and_dollars_in_pairs(text):
    latex = latex_text(plain(text))
    assert latex.isascii()
    bare = re.sub(r"\\[\\{}$%&#_]", "", latex)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[%&#]|(?<!\$)_", bare)
