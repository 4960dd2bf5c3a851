"""The bibliography: each paper once with all its authors, however plugins wrote it down; no key twice."""

import re

import pytest

from butfor.registry import assemble
from butfor.reports.page.bibliography import bibtex, cited, papers_in, references

ONE = "@article{a2020, title = {A {BIG} Step}, author = {Müller, Ann and Roe, Bob}, journal = {J}, year = {2020}}"
WRAPPED = """@article{a2020,
  title  = {A {BIG}
            Step},
  author = {M{\\"u}ller, Ann
    and Roe, Bob},
  journal = "J",
  year = 2020
}"""


def shipped():
    return {f"{kind} {entry.name}": entry.spec.paper for kind, entry in assemble() if entry.spec.paper}


def test_one_paper_wrapped_in_two_ways_stands_once_with_all_its_authors():
    papers = {"encoder mlp": ONE, "fusion attention": WRAPPED}
    assert references(papers) == [("Ann Müller, Bob Roe. A BIG Step. J. 2020", "encoder mlp, fusion attention")]
    assert references({"x": WRAPPED})[0].text == references({"x": ONE})[0].text
    assert bibtex(papers).text == ONE


def test_one_paper_under_two_keys_stands_once():
    other = ONE.replace("a2020", "mueller2020big")
    assert len(references({"x": ONE, "y": other})) == 1
    assert "mueller2020big" not in bibtex({"x": ONE, "y": other}).text


def test_two_papers_under_one_key_are_both_kept_and_the_keys_are_told_apart():
    other = ONE.replace("Step", "Leap")
    papers = {"x": ONE, "y": other, "z": other}
    assert [reference.parts for reference in references(papers)] == ["x", "y, z"]
    assert re.findall(r"@\w+\{([^,]+),", bibtex(papers).text) == ["a2020", "a2020-2"]


def test_entries_in_one_text_are_told_apart_and_a_text_without_any_is_kept_as_it_is():
    assert [paper.key for paper in papers_in(f"{ONE}\n{ONE.replace('a2020', 'b').replace('Step', 'Leap')}")] == [
        "a2020",
        "b",
    ]
    assert references({"x": "Roe, 2020, by letter"}) == [("Roe, 2020, by letter", "x")]
    assert references({"x": "@article{half, title = {Never closed"})[0].text == "Never closed"


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_paper_has_a_key_authors_a_title_and_a_year(name):
    for paper in papers_in(shipped()[name]):
        assert paper.key
        assert all(paper.fields.get(field) for field in ("author", "title", "year"))
        assert re.fullmatch(r"(19|20)\d\d", paper.fields["year"])
        assert not re.search(r"[{}\\]|\s{2}", paper.fields["author"])


def test_the_shipped_papers_repeat_no_key_and_no_title_and_are_written_alike():
    papers = shipped()
    keys = re.findall(r"@\w+\{([^,]+),", bibtex(papers).text)
    assert len(keys) == len(set(keys)) == len(references(papers))
    titles = [paper.fields["title"] for paper, _ in cited(papers)]
    assert len(titles) == len(set(titles))
    written = {paper.key: {text for text in papers.values() if paper.key in text} for paper, _ in cited(papers)}
    assert {key: len(texts) for key, texts in written.items()} == dict.fromkeys(keys, 1)
    assert len(set(papers.values())) == len(keys)
