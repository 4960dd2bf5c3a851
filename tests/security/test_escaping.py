"""Text that tries to be more than text, through every writer: what comes out is parsed again."""

# ruff: noqa: E501, RUF001 - a list of hostile texts, look-alikes of `=` among them

import csv as reader
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from butfor.core.results import TrainResult
from butfor.core.study.plan import (
    Plan,
    PlannedCell,
    PlannedDesign,
    PlannedMetric,
    PlannedRow,
    PlannedTrial,
    TableSettings,
)
from butfor.registry import assemble
from butfor.reports import listing, plugin_listing, progress
from butfor.reports.frame import tidy
from butfor.reports.latex import latex_document
from butfor.reports.render import FORMATS, render
from butfor.reports.table import tabulate
from butfor.reports.text import json_text, lines

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title></table><h1>x", "&lt;b&gt;", "javascript:alert(1)",
    "=cmd|'/c calc'!A1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1", '","=1"', "a\nb,c",
    "| a | b |", "[x](http://evil)", "![x](http://evil)", "`code`", "**b** _i_ ~~s~~", "# h", "1. x", "- x", "&copy;", "$x$", "\\",
    r"\input{/etc/passwd}", r"\write18{id}", "^^5cinput{/etc/passwd}", "}\\end{document}", "% comment", "a & b \\\\ c", "#1 $x_1^2$ ~",
    r"\csname input\endcsname", "{", "}}", r"\verb|x|",
    "[red]x[/red]", "[/]", "[link=http://evil]x[/link]", ":boom:", "[bold", "\\[red]",
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://evil\x1b\\x\x1b]8;;\x1b\\", "\x9b31m", "\x07\x08\x00", "\r overwritten",
    "\u202egnp.exe", "\u2066x\u2069", "a\u2028b", "\ud800", "{{7*7}}", "${7*7}", "%s %d {0}",
]  # fmt: skip
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def plan():
    """Every hostile text is the label of a row, a level, a caption, a design and a metric."""
    cells = tuple(
        PlannedCell(key=f"c{n}", label=text, settings={}, differs={text: text}) for n, text in enumerate(HOSTILE)
    )
    rows = tuple(
        PlannedRow(cell=f"c{n}", label=text, levels={HOSTILE[n - 1]: text, "plain": n == 0}, baseline=n == 0)
        for n, text in enumerate(HOSTILE)
    )
    designs = tuple(
        PlannedDesign(name=text, kind="factorial", factors=(text, "plain"), rows=rows[:3]) for text in HOSTILE
    )
    whole = PlannedDesign(name="whole", kind="cells", factors=("plain", HOSTILE[0], HOSTILE[5]), rows=rows)
    return Plan(
        study=HOSTILE[0],
        baseline="c0",
        cells=cells,
        designs=(whole, *designs),
        tables=(
            TableSettings(design="whole", caption=" ".join(HOSTILE)),
            *(TableSettings(design=d.name, caption=d.name) for d in designs),
        ),
        trials=tuple(
            PlannedTrial(key=f"t{n}-{s}", cell=f"c{n}", seed=s, fold="f") for n in range(len(HOSTILE)) for s in (0, 1)
        ),
        metrics=(
            PlannedMetric(name=HOSTILE[0], higher_is_better=True),
            PlannedMetric(name="=1+1", higher_is_better=False),
        ),
    )


@pytest.fixture(scope="module")
def tables(plan):
    results = [
        TrainResult(t.key, t.cell, t.seed, t.fold, "done" if n % 5 else "failed", HOSTILE[n % len(HOSTILE)],
                    metrics={"test": {HOSTILE[0]: 0.5 + n / 1000, "=1+1": 0.5}} if n % 5 else {})
        for n, t in enumerate(plan.trials)
    ]  # fmt: skip
    frame = tidy(results, plan)
    return [tabulate(frame, plan, settings) for settings in plan.tables]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.open, self.data = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.data.append(data)


@pytest.mark.parametrize("style", FORMATS)
def test_no_writer_lets_a_control_character_through(tables, style):
    text = render(tables, style)
    assert not CONTROL.search(text)
    text.encode()


def test_in_html_there_are_only_our_own_tags_and_a_policy_that_forbids_the_rest(tables):
    page = render(tables, "html")
    found = Tags()
    found.feed(page)
    found.close()
    assert found.open == []
    ours = {"html", "head", "meta", "title", "style", "body", "main", "h1", "div", "table", "caption", "thead", "tbody"}
    assert set(found.tags) <= ours | {"tr", "th", "td", "span", "b", "u", "p"}
    assert (found.tags.count("h1"), found.tags.count("title")) == (1, 1)
    ours = {"lang", "charset", "http-equiv", "content", "name", "class", "role", "tabindex", "aria-label", "scope"}
    assert set(found.attributes) <= ours | {"colspan", "rowspan"}
    assert "default-src 'none'" in page
    assert "<script>alert(1)</script>" in "".join(found.data)


def test_in_markdown_every_table_is_one_table_of_plain_text(tables):
    for table in tables:
        tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(render(table, "markdown"))
        kinds = [token.type for token in tokens]
        inside = {child.type for token in tokens for child in token.children or ()}
        assert kinds.count("table_open") == 1
        assert kinds.count("tr_open") == len(table.rows) + 1
        assert {kind.removesuffix("_open") for kind in kinds if kind.endswith("_open")} <= {
            "paragraph", "table", "thead", "tbody", "tr", "th", "td",
        }  # fmt: skip
        assert inside <= {"text", "text_special", "strong_open", "strong_close", "em_open", "em_close", "softbreak"}


def test_in_csv_no_field_is_a_formula_and_no_row_is_torn(tables):
    for table in tables:
        rows = list(reader.reader(io.StringIO(render(table, "csv"))))
        assert len({len(row) for row in rows}) == 1
        for field in (field for row in rows for field in row):
            try:
                float(field)
            except ValueError:
                assert not field.lstrip().startswith(("=", "+", "-", "@", "＝")), field


def test_json_is_json_and_has_the_texts(tables):
    rows = json.loads(render(tables, "json"))
    assert any("<script>alert(1)</script>" in str(row.values()) for row in rows)
    told = json_text({"x": "".join(HOSTILE)})
    assert not CONTROL.search(told)
    assert json.loads(told) == {"x": "".join(HOSTILE)}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_and_shows_the_commands_as_text(tables, tmp_path):
    (tmp_path / "t.tex").write_text(latex_document(table.sheet() for table in tables))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-recorder", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    opened = (tmp_path / "t.fls").read_text()
    assert "passwd" not in opened
    assert "Overfull \\vbox" not in done.stdout


def test_latex_has_no_command_of_the_texts(tables):
    text = "".join(render(table, "latex") for table in tables)
    assert not re.search(r"\\(input|write|csname|verb|end\{document)|\^\^|(?<!\\)#|(?<!\\)\$x", text)


def test_the_text_of_a_plan_is_a_line_a_row(plan):
    text = listing.plan_text(plan, (), 3, 3)
    assert not CONTROL.search(text)
    assert len(text.splitlines()) == 1 + 2 * len(plan.designs) + sum(len(design.rows) for design in plan.designs)
    json.loads(json_text(listing.plan_json(plan, (), 3)))


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_labels_and_messages_as_text(plan, capsys, monkeypatch, terminal):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    shown = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=shown, force_terminal=True, width=400, no_color=True)
    )
    with progress.Progress(plan, len(plan.trials), 0, quiet=False) as bar:
        for trial, text in zip(plan.trials[::2], HOSTILE, strict=True):
            bar.finished(TrainResult(trial.key, trial.cell, 0, "f", "failed", text))
    told = capsys.readouterr().err + shown.getvalue()
    assert "[red]x[/red]" in told
    assert "evil\x1b" not in told
    for code in ("\x1b[31m", "\x1b]", "\x9b", "\u202e", "\x07"):
        assert code not in told


def test_errors_are_cleaned_before_they_reach_a_terminal():
    told = lines("a:1:2: " + "".join(HOSTILE) + "\n  indented\n")
    assert not CONTROL.search(told)
    assert told.endswith("\n  indented\n")


def test_a_hostile_file_name_and_key_reach_the_terminal_as_text(tmp_path, monkeypatch, capsys):
    from butfor.cli import main

    path = tmp_path / "\x1b[31mred\u202e.yaml"
    path.write_text('"a\\nb": 1\n"[red]": 1\nstudy: 3\n')
    monkeypatch.setattr("sys.argv", ["butfor", "plan", str(path)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert "[red]: unknown key" in told
    assert not CONTROL.search(told)


def test_what_a_plugin_says_of_itself_is_text(tmp_path):
    path = tmp_path / "odd\x1b[31m_of_a_test.py"
    path.write_text(
        "from typing import Literal\nfrom butfor.core import FusionSpec, hookimpl\n"
        "class S(FusionSpec):\n    '''A \x1b[31mred \u202e fusion.'''\n    name: Literal['odd'] = 'odd'\n"
        "    paper = '@article{x,\\x1b]0;title\\x07}'\n    size: str = '\\x1b[31m'\n"
        "    def build(self, *, modalities, width): ...\n"
        "@hookimpl\ndef register_fusions():\n    return [S]\n"
    )
    catalogue = assemble([path])
    entries = plugin_listing.select(catalogue, "fusion", None)
    text = plugin_listing.plugins_text(entries) + plugin_listing.plugin_text("fusion", catalogue.entry("fusion", "odd"))
    assert not CONTROL.search(text)
    assert "A red" in text
