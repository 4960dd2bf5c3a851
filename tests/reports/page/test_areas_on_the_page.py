"""A robustness table on the page: figures and sentences are of its areas, which are what is tested."""

import re
from dataclasses import replace

import pytest

from butfor.core.study.plan import TableSettings
from butfor.reports.material import material_of
from butfor.reports.measured import called, capital, leading, raw
from butfor.reports.page.answer import answer_of
from butfor.reports.page.facts import Facts
from butfor.reports.page.page import page
from butfor.reports.page.tested import conditions
from butfor.reports.plots.gallery import gallery
from butfor.reports.plots.look import house_style

CLEAN = "test"


def with_areas(make_study, *designs, **settings):
    plan, results = make_study()
    tables = tuple(
        TableSettings(design=design, layout="robustness", metrics=("weighted_f1",), **settings) for design in designs
    )
    return material_of(plan.model_copy(update={"tables": tables}), results)


@pytest.fixture(scope="module")
def material(make_study):
    return with_areas(make_study, "parts", "grid")


def test_an_area_is_called_in_words(material):
    (area,) = leading(material.tables[0])
    assert called(area) == "area under weighted F1 as modalities go missing"
    assert capital(called(area)).startswith("Area")
    assert called(area.model_copy(update={"curve": "missing:audio"})) == "area under weighted F1 as audio goes missing"
    assert called(area.model_copy(update={"curve": "noise:audio+text"})) == (
        "area under weighted F1 as noise on audio and text grows"
    )
    assert called(raw(area)) == "Weighted F1"


def test_values_behind_an_area_are_those_of_its_score(material):
    table = material.tables[0]
    (area,) = leading(table)
    for row in table.rows:
        values = material.values(table, row, area)
        assert len(values) == 6
        assert sum(values.values()) / 6 == pytest.approx(row.scores[area.name].mean)


def test_every_figure_of_the_areas_shows_something(material, marks_of):
    found = {picture.name: picture for picture in gallery(material)}
    wanted = {"forest", "seeds", "interactions", "cost", "robustness", "curves", "weights"}
    assert {picture.kind for picture in found.values()} == wanted
    assert all(marks_of(picture) for picture in found.values())
    assert "Area under weighted F1 as modalities go missing: w/o gate −0.2" in found["forest-parts"].numbers
    assert "area under weighted F1" in found["interactions-grid"].title
    assert "better in 0 of 6" in found["seeds-parts"].numbers
    assert "no value" not in found["robustness-parts"].numbers


def test_the_forest_is_of_what_is_tested_and_not_of_single_levels(material):
    forest = next(picture for picture in gallery(material, ["forest"]))
    with house_style():
        panels = forest.draw().axes
    assert [panel.get_xlabel().replace("\n", " ") for panel in panels] == [
        "Δ area under weighted F1 as modalities go missing better →"
    ]


def test_the_answer_is_of_every_area(make_study, material):
    assert "(area under weighted F1 as modalities go missing 0." in answer_of(material).first
    plan, results = make_study()
    split = "test@missing:0.3:audio"
    more = [replace(one, metrics={**one.metrics, split: one.metrics[CLEAN]}) for one in results]
    tables = (TableSettings(design="parts", layout="robustness", metrics=("weighted_f1",)),)
    told = answer_of(material_of(plan.model_copy(update={"tables": tables}), more)).first
    assert "as modalities go missing" in told
    assert "as audio goes missing" in told


def test_conditions_list_the_metric_itself(material):
    listing = conditions(material)[0]
    assert listing.caption == "Parts: Weighted F1 under each condition, test split"
    assert all(re.fullmatch(r"\d\.\d{3} ± \d\.\d{3}", text) for row in listing.rows for text in row[1:])


def test_tables_that_would_show_the_same_share_it(make_study):
    twice = with_areas(make_study, "parts", "parts")
    assert len(conditions(twice)) == 1
    for kind in ("robustness", "weights", "curves"):
        assert len(gallery(twice, [kind])) == 1


def test_the_page_of_areas_has_no_empty_section(material):
    text = page(Facts(material))
    for name in ("differences", "interactions", "seeds", "robustness", "cost"):
        section = re.search(rf'<section id="{name}".*?</section>', text, re.DOTALL)[0]
        assert "<svg" in section
        assert "<p>" not in section
