"""The page of runs trained elsewhere: it says what the file says, and nothing that the file does not say."""

import re
from dataclasses import replace
from html import unescape
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
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


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


def test_the_answer_says_that_no_claim_stands_and_which_verdicts_carry_one(whole):
    told = part(whole, "answer")
    assert (
        "Of 7 conclusions that were drawn from these runs, none stands, 6 are not settled, 1 is contradicted." in told
    )
    assert re.search(
        r"Published \(test3\)\. [^.]* \(Weighted F1 0\.8638, test3 split\), 1 is shown to be better: "
        r"attention_robust_v2 \(\+0\.0239\)\. That is in the table.s own family \(1 comparison\); over all 7 claims, "
        r"“V2 improves on the baseline on test3” is not settled\.",
        told,
    )


def test_runs_that_stand_in_no_table_are_counted(whole):
    assert "76 runs in the file, 48 in these tables" in words(whole)


def test_headings_tell_the_tables_of_one_design_apart(whole):
    found = re.findall(r"<h3>(.*?)</h3>", whole)
    assert "Differences: Published (test1)" in found
    assert len(found) == len(set(found))


def test_no_section_is_empty(whole):
    parts = re.findall(
        r'<section id="[^"]+" aria-labelledby.*?</h2>(.*?)</section>\n(?=<section id="[a-z]+" aria|</main>)',
        whole,
        re.DOTALL,
    )
    assert len(parts) == 14
    assert all(len(words(text).strip()) > 20 for text in parts)


def test_every_figure_shows_something(facts, marks_of):
    found = gallery(facts.material)
    assert found
    assert all(marks_of(picture) for picture in found)
