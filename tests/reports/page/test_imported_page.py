"""The page of runs trained elsewhere: it says what the file says, and nothing that the file does not say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from butfor.reports.imported.study import read_imported
from butfor.reports.material import material_of
from butfor.reports.page.facts import Facts
from butfor.reports.page.page import page
from butfor.reports.plots.gallery import gallery

ROOT = Path(__file__).parents[3]
RECORDED = ROOT.parent / "shared" / "data" / "mer2023_recorded_runs.csv"
pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason="shared/data/mer2023_recorded_runs.csv is not here")
NOW, LATER = ["2026-01-01T10:00:00+00:00"], ["2027-02-02T10:00:00+00:00"]


@pytest.fixture(scope="module")
def facts():
    imported = read_imported(ROOT / "examples" / "imported" / "recorded_runs.yaml")
    return Facts(material_of(imported.plan, imported.results), finished=NOW)


@pytest.fixture(scope="module")
def whole(facts):
    return page(facts)


def words(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def part(text, name):
    return words(re.search(rf'<section id="{name}".*?</section>\n<section id=|$', text, re.DOTALL)[0])


def test_nothing_is_said_of_costs_that_nobody_recorded(facts, whole):
    assert "cost" not in {picture.kind for picture in gallery(facts.material)}
    assert "A trial" not in part(whole, "cost")
    assert "0.0 s" not in words(whole)
    assert "Training time" not in words(whole)


def test_two_imports_of_one_file_give_the_same_page(facts, whole):
    assert page(replace(facts, finished=LATER)) == whole
    assert "Trials ended" not in words(whole)


def test_every_figure_shows_something(facts, marks_of):
    found = gallery(facts.material)
    assert found
    assert all(marks_of(picture) for picture in found)
