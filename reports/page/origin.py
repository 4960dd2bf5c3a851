"""Where the numbers come from, how to get them again, and what to cite."""

from __future__ import annotations

import hashlib
import re
import shlex
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from ..numerals import ABSENT
from ..text import json_text, plain
from .parts import Copy, Listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.study.plan import Plan
    from .facts import Facts

_FIELD = re.compile(r"\b(title|author|year|booktitle|journal)\s*=\s*[{\"](.+?)[}\"]\s*,?\s*$", re.MULTILINE)
_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "c": "\u0327", "v": "\u030c"}
_ACCENT = re.compile(r"\\(['`^\"~cv])\s*\{?([A-Za-z])")
_SHORT = 12


def provenance(facts: Facts) -> list[Listing]:
    """Versions, machine, dates, and the digest of every part."""
    plan, told = facts.material.plan, facts.identities
    common = {name: sorted({one[name] for one in told if name in one}) for one in told for name in one}
    digest = hashlib.sha256(plan.model_dump_json().encode()).hexdigest()[:16]
    spent = [result.seconds for result in facts.material.results]
    ends = [facts.finished[place][:19].replace("T", " ") for place in (0, -1)] if facts.finished else []
    rows = [
        ("Study", plain(plan.study)),
        ("File", plain(plan.source) or ABSENT),
        ("Plan (sha256)", digest),
    ]
    if not plan.imported:  # when a file was read says nothing of when its runs were trained, or for how long
        rows.append(("Trials ended", f"{' to '.join(ends)} UTC" if ends else ABSENT))
        rows.append(("Training time", f"{sum(spent):,.0f} s, summed over trials"))
    rows += [(_word(name), ", ".join(plain(v) for v in values)) for name, values in common.items() if ":" not in name]
    parts = [(plain(name), ", ".join(plain(v) for v in values)) for name, values in common.items() if ":" in name]
    listings = [Listing("Study and machine", ("What", "Value"), tuple(rows))]
    if parts:
        caption = "Source of each part (a digest of its file)"
        listings.append(Listing(caption, ("Part", "Digest"), tuple(sorted(parts)), frozenset({1})))
    return listings


def _word(name: str) -> str:
    return {"core": "Engine (digest)", "torch": "torch", "butfor": "butfor"}.get(name, plain(name).capitalize())


def baseline_settings(plan: Plan) -> Copy:
    """Every setting of the baseline, defaults included."""
    settings = next((cell.settings for cell in plan.cells if cell.key == plan.baseline), {})
    return Copy("All settings of the baseline", json_text(settings))


def commands(facts: Facts) -> list[Listing]:
    """For each system what trains it, and what trains one of its trials again."""
    plan = facts.material.plan
    file = shlex.quote(plain(plan.source) or "STUDY.yaml")
    if plan.imported:
        rows = (("all", f"butfor import {file}"),)
        return [Listing("Commands", ("System", "Read the runs again"), rows, frozenset({1}))]
    seeds = sorted({trial.seed for trial in plan.trials})
    number = f" --seeds {len(seeds)}" if seeds and seeds == list(range(len(seeds))) else ""
    alone = " --no-stack" if facts.identities and all(one.get("engine") == "one" for one in facts.identities) else ""
    designs = {row.cell: design.name for design in reversed(plan.designs) for row in design.rows}
    ended = {result.key for result in facts.material.results}
    listed = []
    for cell in plan.cells:
        only = f" --only {shlex.quote(plain(designs[cell.key]))}" if cell.key in designs else ""
        keys = [trial.key for trial in plan.trials if trial.cell == cell.key and trial.key in ended]
        again = f"butfor rerun {keys[0][:_SHORT]} {file}" if keys else ABSENT
        listed.append((plain(cell.label), f"butfor run {file}{only}{number}{alone}", again))
    headings = ("System", "Train it (with its design)", "Train one trial again, and compare")
    return [Listing("Commands", headings, tuple(listed), frozenset({1, 2}))]


def keys_of(facts: Facts) -> Copy:
    """Every trial with its key, for `butfor rerun`."""
    plan = facts.material.plan
    labels = {cell.key: plain(cell.label) for cell in plan.cells}
    states = {result.key: result.state for result in facts.material.results}
    lines = [
        f"{plain(trial.key)}  {states.get(trial.key, 'missing')}  seed {trial.seed}  fold {plain(trial.fold)}  "
        f"{labels.get(trial.cell, trial.cell)}"
        for trial in plan.trials
    ]
    return Copy("Keys of all trials", "\n".join(lines))


class Reference(NamedTuple):
    """A paper, and the parts that come from it."""

    text: str
    parts: str


def references(papers: Mapping[str, str]) -> list[Reference]:
    """Readable references, one for each paper."""
    parts: dict[str, list[str]] = {}
    for part, paper in papers.items():
        parts.setdefault(paper.strip(), []).append(plain(part))
    return [Reference(_readable(paper), ", ".join(used)) for paper, used in parts.items()]


def bibtex(papers: Mapping[str, str]) -> Copy:
    """All of it for a `.bib` file."""
    found = dict.fromkeys(paper.strip() for paper in papers.values())
    return Copy("BibTeX", "\n\n".join("\n".join(plain_line(line) for line in paper.splitlines()) for paper in found))


def plain_line(line: str) -> str:
    """`line` without control characters, with its indentation."""
    return " " * (len(line) - len(line.lstrip(" "))) + plain(line)


def _readable(paper: str) -> str:
    fields = {name.lower(): _unbraced(value) for name, value in _FIELD.findall(paper)}
    authors = [" ".join(reversed(one.split(", "))) for one in fields.get("author", "").split(" and ") if one]
    names = f"{authors[0]} and others" if len(authors) > 3 else ", ".join(authors)  # noqa: PLR2004 - as papers do
    where = fields.get("booktitle") or fields.get("journal")
    known = [part for part in (names, fields.get("title"), where, fields.get("year")) if part]
    return plain(". ".join(known)) or plain(paper)


def _unbraced(text: str) -> str:
    """TeX's accents as letters and its braces gone: a name that a person can read."""
    text = _ACCENT.sub(lambda found: unicodedata.normalize("NFC", found[2] + _ACCENTS[found[1]]), text)
    return re.sub(r"[{}\\]", "", text)
