"""Systems are called on the whole page as the tables call them."""

from butfor.reports.material import material_of
from butfor.reports.page.facts import Facts
from butfor.reports.page.labels import labels_of
from butfor.reports.page.origin import commands, keys_of
from butfor.reports.page.outcomes import costs


def renamed(make_study):
    """Cells with names of their own, as plans have them; a row of the first design is tested without audio."""
    plan, results = make_study(seeds=2)
    cells = tuple(one.model_copy(update={"label": f"cell {one.key}"}) for one in plan.cells)
    parts, grid = plan.designs
    tested = parts.rows[0].model_copy(update={"label": "w/o audio (at test)", "without": ("audio",), "baseline": False})
    first = grid.rows[0].model_copy(update={"label": "attention (baseline)"})
    designs = (
        parts.model_copy(update={"rows": (*parts.rows, tested)}),
        grid.model_copy(update={"rows": (first, *grid.rows[1:])}),
    )
    return plan.model_copy(update={"cells": cells, "designs": designs}), results


def test_a_system_has_its_labels_of_all_designs(make_study):
    plan, _ = renamed(make_study)
    assert labels_of(plan)["full"] == "full; attention (baseline)"
    assert labels_of(plan.model_copy(update={"designs": ()}))["full"] == "cell full"


def test_a_label_of_two_systems_says_of_which_design_it_is(make_study):
    plan, _ = make_study(seeds=1, labels={"less": "same", "mean": "same"})
    assert labels_of(plan)["mean"] == "same (grid)"


def test_costs_and_keys_use_them(make_study):
    plan, results = renamed(make_study)
    facts = Facts(material_of(plan, results))
    assert {row[0] for row in costs(facts.material)[0].rows} == set(labels_of(plan).values())
    assert "full; attention (baseline)" in keys_of(facts).text


def test_every_row_of_every_design_has_a_command(make_study):
    plan, results = renamed(make_study)
    (listing,) = commands(Facts(material_of(plan, results)))
    told = {row[0]: row[1:] for row in listing.rows}
    assert set(told) == {row.label for design in plan.designs for row in design.rows}
    assert told["w/o audio (at test)"] == told["full"]
    assert told["attention (baseline)"][0] == "butfor run small.yaml --only grid --seeds 2"
