"""HTML: escaped, accessible, closed to script and network."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from butfor.reports.html import html, html_page
from butfor.reports.sheet import Cell, Column, Sheet

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Collects tags and texts, and insists that tags close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.texts = [], [], {}

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"th", "td", "caption", "p", "span", "b", "u", "h1", "title"}:
            self.texts.setdefault(self.open[-1], []).append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def sheet(label, caption="c"):
    columns = (Column(label, "left"), Column("v", "right", group=label))
    return Sheet("s", caption, columns, ((Cell(label), Cell("0.5", "0.1", "best")),), (label,), set_apart=False)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["C"], exclude_characters="\r"), min_size=1))
def test_any_label_comes_back_as_the_text_it_was(label):
    reader = read(html(sheet(label, label)))
    assert "".join(reader.texts["caption"]) == label
    assert label in "".join(reader.texts["th"])
    assert {tag for tag, _ in reader.tags} <= {
        "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "span", "b", "u", "p",
    }  # fmt: skip


def test_hostile_text_is_never_markup():
    page = html_page([sheet("<script>alert(1)</script>", '"><img src=x onerror=y>')], "</title><script>")
    assert not {"script", "img"} & {tag for tag, _ in read(page).tags}


def test_headings_have_scopes_and_the_best_and_second_their_classes(small):
    tags = read(html(small.sheet())).tags
    scopes = [attributes.get("scope") for tag, attributes in tags if tag == "th"]
    assert sorted(set(scopes)) == ["col", "colgroup", "row"]
    assert scopes.count("row") == 2
    classes = [attributes["class"] for tag, attributes in tags if tag == "td"]
    assert classes.count("right best") == 2
    assert classes.count("right second") == 2
    assert ("tr", {"class": "baseline"}) in tags


def test_ticks_are_said_in_words_too(small):
    labels = [attributes.get("aria-label") for tag, attributes in read(html(small.sheet())).tags if tag == "span"]
    assert [label for label in labels if label] == ["with", "without"]


def test_headings_and_rows_cover_the_same_columns(small):
    rows = re.findall(r"<tr.*?</tr>", html(small.sheet()))
    spans = [sum(int(found) for found in re.findall(r'colspan="(\d+)"', row)) for row in rows]
    cells = [len(re.findall(r"<t[hd] ", row)) for row in rows]
    groups = rows[0].count("colspan")
    columns = len(small.sheet().columns)
    assert cells[0] - groups + spans[0] == columns
    assert cells[1] == spans[0]
    assert cells[2:] == [columns] * len(small.rows)


def test_the_page_allows_its_own_style_and_nothing_else(small):
    page = html_page([small.sheet()], "Tables")
    policy = next(
        attributes["content"]
        for tag, attributes in read(page).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "http://" not in page
    assert "https://" not in page
    assert "style=" not in page


def test_the_page_is_the_same_every_time(small):
    assert html_page([small.sheet()], "t") == html_page([small.sheet()], "t")
