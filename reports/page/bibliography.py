"""The papers that a study's parts come from: each once, readable, and as BibTeX whose keys are all different."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from ..text import plain
from .parts import Copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENTRY = re.compile(r"@\w+\s*\{\s*([^\s,{}]+)\s*,")
_NAME = re.compile(r"[\s,]*([A-Za-z][\w-]*)\s*=\s*")
_BARE = re.compile(r"[^\s,{}]+")
_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "c": "\u0327", "v": "\u030c"}
_ACCENT = re.compile(r"\\(['`^\"~cv])\s*\{?([A-Za-z])")
_NAMED = 3
"""Authors that are named where there are no more of them."""


class Reference(NamedTuple):
    """A paper, and the parts that come from it."""

    text: str
    parts: str


@dataclass(frozen=True, slots=True)
class Paper:
    """One entry of BibTeX."""

    text: str
    """As its plugin has it."""
    key: str = ""
    """What it is cited by; empty where the text is no BibTeX."""
    fields: dict[str, str] = field(default_factory=dict)
    """{name in small letters: value in one line, as a person reads it}."""

    @property
    def what(self) -> tuple[str, str]:
        """What makes it the same paper as another: title and year, however they are written."""
        letters = "".join(one for one in self.fields.get("title", "").casefold() if one.isalnum())
        return letters or plain(self.text), self.fields.get("year", "") if letters else ""


def papers_in(text: str) -> list[Paper]:
    """The entries of some BibTeX; a text that has none is one paper without a key."""
    found, end = list[Paper](), 0
    for start in _ENTRY.finditer(text):
        if start.start() < end:  # within a value of the one before
            continue
        end = _closing(text, text.index("{", start.start()))
        fields = dict(_fields(text[start.end() : end]))
        found.append(Paper(text[start.start() : end + 1], start[1], fields))
    return found or [Paper(text.strip())]


def cited(papers: Mapping[str, str]) -> list[tuple[Paper, list[str]]]:
    """Each paper once with its parts; a key that another paper has already gets a number."""
    found: dict[tuple[str, str], tuple[Paper, list[str]]] = {}
    keys: dict[str, tuple[str, str]] = {}
    for part, text in papers.items():
        for paper in papers_in(text):
            same = keys.get(paper.key)
            what = same if same is not None and same[0] == paper.what[0] else paper.what
            if what not in found:
                own = _free(paper, keys)
                found[what] = own, []
                keys |= {own.key: what} if own.key else {}
            if (name := plain(part)) not in found[what][1]:
                found[what][1].append(name)
    return list(found.values())


def references(papers: Mapping[str, str]) -> list[Reference]:
    """Readable references, one for each paper."""
    return [Reference(_readable(paper), ", ".join(parts)) for paper, parts in cited(papers)]


def bibtex(papers: Mapping[str, str]) -> Copy:
    """All of it for a `.bib` file."""
    entries = ("\n".join(_plain_line(line) for line in paper.text.splitlines()) for paper, _ in cited(papers))
    return Copy("BibTeX", "\n\n".join(entries))


def _free(paper: Paper, keys: Mapping[str, object]) -> Paper:
    """The paper with a key that no other has."""
    if paper.key not in keys:
        return paper
    number = next(number for number in range(2, len(keys) + 3) if f"{paper.key}-{number}" not in keys)
    key = f"{paper.key}-{number}"
    return replace(paper, key=key, text=paper.text.replace(paper.key, key, 1))


def _fields(body: str) -> Iterator[tuple[str, str]]:
    """{name: value} of what stands behind the key, whatever its values are held by."""
    at = 0
    while (name := _NAME.match(body, at)) is not None:
        at = name.end()
        if body[at : at + 1] == "{":
            end = _closing(body, at)
            value, at = body[at + 1 : end], end + 1
        elif body[at : at + 1] == '"':
            end = _quote(body, at + 1)
            value, at = body[at + 1 : end], end + 1
        else:
            bare = _BARE.match(body, at)
            value, at = (bare[0], bare.end()) if bare else ("", at + 1)
        yield name[1].lower(), " ".join(_unbraced(value).split())


def _closing(text: str, at: int) -> int:
    """Where the brace closes that opens at `at`; the end of the text where none does."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)


def _quote(text: str, at: int) -> int:
    """Where the next quotation mark is outside braces; the end of the text where there is none."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if text[place] == '"' and depth == 0:
            return place
    return len(text)


def _readable(paper: Paper) -> str:
    fields = paper.fields
    authors = [" ".join(reversed(one.split(", "))) for one in fields.get("author", "").split(" and ") if one]
    names = f"{authors[0]} and others" if len(authors) > _NAMED else ", ".join(authors)
    where = fields.get("booktitle") or fields.get("journal")
    known = [part for part in (names, fields.get("title"), where, fields.get("year")) if part]
    return plain(". ".join(known)) or plain(paper.text)


def _unbraced(text: str) -> str:
    """TeX's accents as letters and its braces gone: a name that a person can read."""
    text = _ACCENT.sub(lambda found: unicodedata.normalize("NFC", found[2] + _ACCENTS[found[1]]), text)
    return re.sub(r"[{}\\]", "", text)


def _plain_line(line: str) -> str:
    """`line` without control characters, with its indentation."""
    return " " * (len(line) - len(line.lstrip(" "))) + plain(line)
