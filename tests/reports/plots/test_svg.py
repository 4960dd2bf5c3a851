"""SVG that may stand in a page with a strict policy, and says in words what it shows."""

import re
from xml.etree import ElementTree as ET

import pytest

from butfor.reports.material import material_of
from butfor.reports.plots.gallery import gallery
from butfor.reports.plots.save import svg
from butfor.reports.plots.svg import tidied

EVIL = "<script>alert(1)</script> $x_1$ & \"q\" 'q' ]]> &amp; \u60c5"


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - our own SVG


@pytest.fixture(scope="module")
def pictures(make_study):
    return gallery(material_of(*make_study(labels={"less": EVIL, "mean": "$\\frac{1"})))


def test_nothing_of_it_needs_a_style_a_script_or_a_network(pictures):
    for picture in pictures:
        text = svg(picture, "p0")
        assert not re.search(r"<script|<style|style=|onload|href=\"(?!#)|url\((?!#)|<image|<foreignObject", text)
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_titles_and_descriptions_are_those_of_the_picture(pictures):
    for picture in pictures:
        root = parsed(svg(picture, "p0"))
        told = {child.get("id"): child.text for child in root[:2]}
        assert told == {"p0-title": picture.title, "p0-desc": picture.description}
        assert (root.get("role"), root.get("aria-labelledby")) == ("img", "p0-title p0-desc")


def test_every_reference_leads_to_a_name_of_its_own(pictures):
    for picture in pictures:
        text = svg(picture, "p7")
        names = re.findall(r' id="([^"]+)"', text)
        assert len(names) == len(set(names))
        used = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
        assert used <= set(names)
        assert all(name.startswith("p7-") for name in names)


def test_labels_are_shown_as_they_are_written(pictures):
    (forest,) = [picture for picture in pictures if picture.name == "forest-grid"]
    shown = "".join(parsed(svg(forest, "p0")).itertext())
    assert "$\\frac{1" in shown
    assert "alert(1)" in shown


def test_text_stays_text(pictures):
    (forest,) = [picture for picture in pictures if picture.name == "forest-parts"]
    texts = {element.text for element in parsed(svg(forest, "p0")).iter("{http://www.w3.org/2000/svg}text")}
    assert "Δ Weighted F1" in texts


def test_styles_become_attributes_and_what_says_nothing_goes():
    before = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><metadata>who</metadata>'
        '<defs><style>*{}</style></defs><g id="a"><path id="b" d="M 0 0 L 1.2345 1 L 2 0" '
        'style="fill: none; stroke: #123"/>'
        '<use xlink:href="#b" x="1" style="stroke: #123" transform="rotate(-0 1 2)"/></g></svg>'
    )
    after = tidied(before, "n", "T", "D & d")
    assert after == (
        '<svg xmlns="http://www.w3.org/2000/svg" fill="#1a1a1a" font-family="\'DejaVu Sans\', Verdana, sans-serif" '
        'font-size="9px" stroke-linejoin="round" stroke-linecap="butt" role="img" aria-labelledby="n-title n-desc">'
        '<title id="n-title">T</title><desc id="n-desc">D &amp; d</desc>'
        '<path d="M0 0l1.23 1 0.77-1" fill="none" stroke="#123" id="n-0"/><use x="1" href="#n-0"/></svg>'
    )
