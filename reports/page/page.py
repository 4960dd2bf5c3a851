"""The page of a study as one file: templates filled in, everything of users escaped, nothing loaded and nothing run."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..html import STYLE, html
from ..numerals import heading
from ..plots.gallery import gallery
from ..plots.save import identifier, svg, write_whole
from ..rebuild import study_folder
from ..render import file_names, render
from ..text import lines, plain
from . import answer, bibliography, compared, empty, origin, outcomes, tested
from .facts import facts_of
from .parts import Copy, room_for

if TYPE_CHECKING:
    from ...core.study.plan import Plan
    from ..material import Material
    from ..sheet import Sheet
    from .facts import Facts

PAGE = "report.html"
_FOLDER = Path(__file__).parent / "templates"
_COPIES = {"LaTeX": "latex", "Markdown": "markdown", "CSV": "csv"}


class Shown(NamedTuple):
    """A table as HTML, and as text to be copied."""

    name: str
    identifier: str
    html: Markup
    copies: list[Copy]
    room: str
    """What it takes on paper."""


class Plot(NamedTuple):
    """A plot as SVG, with its words."""

    about: str
    title: str
    reading: str
    svg: Markup


def page(facts: Facts) -> str:
    """The whole page. Equal facts give equal bytes."""
    material, plan = facts.material, facts.material.plan
    style = STYLE + (_FOLDER / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    said = answer.answer_of(material)
    filled = (
        _environment()
        .get_template("page.html")
        .render(
            study=plain(plan.study),
            style=Markup(style),  # noqa: S704 - our own style sheet
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            answer=said.first,
            claims=said.claims,
            others=said.others,
            state=outcomes.state(material),
            empty=empty.reasons(material),
            tables=_tables(material),
            without_tables=[] if material.tables else outcomes.without_tables(material),
            plots=_plots(facts),
            conditions=tested.conditions(material),
            weights=tested.fusion_weights(material),
            costs=outcomes.costs(material),
            evidence=outcomes.evidence(material, facts.evidence),
            marks=outcomes.marks(facts.evidence),
            not_done=outcomes.not_done(material),
            compared=compared.how_compared(material),
            limits=compared.limits(material.tables, plan),
            provenance=origin.provenance(facts),
            baseline=origin.baseline_settings(plan),
            commands=origin.commands(facts),
            keys=origin.keys_of(facts),
            references=bibliography.references(plan.papers),
            bibtex=bibliography.bibtex(plan.papers),
        )
    )
    return filled.rstrip() + "\n"


def write_page(plan: Plan, out: Path) -> Path:
    """`report.html` in the study's folder, replaced as a whole. Raises StoreError, StudyError."""
    return write_whole(study_folder(plan.study, out) / PAGE, page(facts_of(plan, out)).encode())


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) or not isinstance(value, str) else lines(value),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def _tables(material: Material) -> list[Shown]:
    names = file_names(table.name for table in material.tables)
    return [
        Shown(
            title,
            identifier(f"table {name}"),
            Markup(lines(html(table.sheet()))),  # noqa: S704 - `html` escapes every text
            [Copy(label, render(table, style).rstrip("\n")) for label, style in _COPIES.items()],
            _room(table.sheet()),
        )
        for (table, title), name in zip(material.named, names, strict=True)
    ]


def _room(sheet: Sheet) -> str:
    texts = [[f"{cell.text} ± {cell.spread}" for cell in row] for row in sheet.rows]
    return room_for(zip([column.heading for column in sheet.columns], *texts, strict=True))


def _plots(facts: Facts) -> dict[str, list[Plot]]:
    """{kind: its plots}, in the order of the tables."""
    found: dict[str, list[Plot]] = {}
    for number, picture in enumerate(gallery(facts.material)):
        drawn = Markup(svg(picture, f"p{number}"))  # noqa: S704 - our own SVG, its texts escaped by its writer
        found.setdefault(picture.kind, []).append(
            Plot(picture.named or heading(picture.about), picture.title, picture.reading, drawn)
        )
    return found
