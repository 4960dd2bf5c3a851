r"""Any text as pdfLaTeX can set it, with the fonts every installation has: `50%_x` becomes `50\%\_x`, `α` `$\alpha$`.

What those fonts cannot show (Chinese, emoji) is written by its number, `[U+60C5]`, so that a paper still compiles and
nothing is lost unseen.
"""

# ruff: noqa: RUF001, RUF002 - characters that look like others are what this file is about

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import zip_longest

_COMMANDS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after \\ a bracket would be read as its argument
    "]": "{]}",
    "*": "{*}",
    '"': "''",
    "–": "--",
    "—": "---",
    "‐": "-",
    "‑": "-",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "„": ",,",
    "…": r"\dots{}",
    "•": r"$\bullet$",
    "†": r"\dag{}",
    "·": r"$\cdot$",
    "✓": r"$\checkmark$",
    "✔": r"$\checkmark$",
    "✗": r"$\times$",
    "✘": r"$\times$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "±": r"$\pm$",
    "∓": r"$\mp$",
    "−": r"$-$",
    "°": r"$^{\circ}$",
    "∞": r"$\infty$",
    "≈": r"$\approx$",
    "≡": r"$\equiv$",
    "⊘": r"$\oslash$",
    "½": r"$\frac{1}{2}$",
    "‡": r"\ddag{}",
    "≠": r"$\neq$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "∈": r"$\in$",
    "∅": r"$\emptyset$",
    "∪": r"$\cup$",
    "∩": r"$\cap$",
    "∑": r"$\sum$",
    "√": r"$\surd$",
    "∂": r"$\partial$",
    "∇": r"$\nabla$",
    "⊕": r"$\oplus$",
    "⊗": r"$\otimes$",
    "←": r"$\leftarrow$",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "↔": r"$\leftrightarrow$",
    "⇒": r"$\Rightarrow$",
    "¬": r"$\neg$",
    "§": r"\S{}",
    "¶": r"\P{}",
    "©": r"\copyright{}",
    "£": r"\pounds{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "\u200c": "",  # joiners and variation selectors have no shape of their own
    "\u200d": "",
    "\ufe0e": "",
    "\ufe0f": "",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
    "\u0331": "b",
}
_LIGATURES = frozenset("-'`,!?")
"""Characters that a font joins with a neighbour (`--` to a dash); typed as such they are kept apart."""
_GREEK_AS_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
_GREEK_NAMES = frozenset(
    {"ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON", "ZETA", "ETA", "THETA", "IOTA", "KAPPA", "LAMDA", "MU", "NU", "XI"}
    | {"PI", "RHO", "SIGMA", "TAU", "UPSILON", "PHI", "CHI", "PSI", "OMEGA"}
)
_FIRST_PRINTABLE, _LAST_PRINTABLE = 0x20, 0x7E


def latex_text(text: str) -> str:
    """`text` escaped for LaTeX; expects one plain line."""
    pieces = []
    composed = unicodedata.normalize("NFC", text)
    for character, following in zip_longest(composed, composed[1:], fillvalue=" "):
        pieces.append(_character(character))
        if character in _LIGATURES and following in _LIGATURES:
            pieces.append("{}")
    return "".join(pieces)


@cache
def _character(character: str) -> str:
    """One character: a command, itself, an accented letter, a Greek one, a look-alike, or its number."""
    if character in _COMMANDS:
        return _COMMANDS[character]
    if _FIRST_PRINTABLE <= ord(character) <= _LAST_PRINTABLE:
        return character
    return _accented(character) or _greek(character) or _alike(character) or f"{{[}}U+{ord(character):04X}{{]}}"


def _accented(character: str) -> str:
    r"""`é` as `\'{e}`; accents that pile up are nested."""
    base, *accents = list(unicodedata.normalize("NFD", character))
    if not accents or not base.isascii() or any(accent not in _ACCENTS for accent in accents):
        return ""
    set_base = {"i": r"\i", "j": r"\j"}.get(base, base) if _ACCENTS[accents[0]] not in {"d", "c", "b"} else base
    for accent in accents:
        set_base = f"\\{_ACCENTS[accent]}{{{set_base}}}"
    return set_base


def _greek(character: str) -> str:
    r"""`α` as `$\alpha$`; capitals that look Latin are Latin."""
    if character in _GREEK_AS_LATIN:
        return _GREEK_AS_LATIN[character]
    if character == "ς":
        return r"$\varsigma$"
    for style in ("SMALL", "CAPITAL"):
        name = unicodedata.name(character, "").removeprefix(f"GREEK {style} LETTER ")
        if name in _GREEK_NAMES:
            command = name.replace("LAMDA", "LAMBDA").lower()
            return f"$\\{command if style == 'SMALL' else command.capitalize()}$"
    return ""


def _alike(character: str) -> str:
    """What stands for it in plain letters (`²` is a raised 2, `ﬁ` is fi), or nothing."""
    plainer = unicodedata.normalize("NFKC", character)
    if plainer == character:
        return ""
    form = unicodedata.decomposition(character).split()[:1]
    command = {"<super>": r"\textsuperscript", "<sub>": r"\textsubscript"}.get("".join(form), "")
    return f"{command}{{{latex_text(plainer)}}}"
