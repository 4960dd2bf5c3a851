"""What was looked at while seeds were added stays paid for in every later plan that has those trials."""

import pytest

from butfor.core.study.plan import (
    Plan,
    PlannedCell,
    PlannedDesign,
    PlannedRow,
    PlannedTrial,
    SequentialSettings,
    StatisticsSettings,
    TableSettings,
)
from butfor.reports.looked import remembered, still_paid_for, with_looks
from butfor.reports.rebuild import PLAN, write_plan
from butfor.reports.statistics.procedure import looks_of, procedure_for

FOUR = SequentialSettings()
THREE = SequentialSettings(first=5, step=2, max_seeds=9)


def plan(seeds=5, sequential=None, designs=("swaps",), trained="", **statistics):
    """A study of two cells a design; `trained` is what else decides the keys of its trials."""
    cells = ["full", *(f"less {name}" for name in designs)]
    return Plan(
        study="looks",
        baseline="full",
        cells=[PlannedCell(key=cell, label=cell, settings={}) for cell in cells],
        designs=[
            PlannedDesign(
                name=name,
                kind="one_at_a_time",
                rows=(PlannedRow(cell="full", label="full", baseline=True), PlannedRow(cell=f"less {name}", label="l")),
            )
            for name in designs
        ],
        tables=[
            TableSettings(design=name, statistics=StatisticsSettings(sequential=sequential, **statistics))
            for name in designs
        ],
        trials=[
            PlannedTrial(key=f"{cell}/{seed}{trained}", cell=cell, seed=seed, fold="0")
            for cell in cells
            for seed in range(seeds)
        ],
    )


def settled(out, *plans):
    """What `run --until-settled` leaves behind."""
    for one in plans:
        write_plan(remembered(with_looks(one), out), out)


def looks(found, table=0):
    """Numbers of seeds that share alpha."""
    wanted = found.tables[table].statistics.sequential
    return wanted and looks_of(wanted)


def test_a_study_that_was_never_looked_at_is_left_as_it_is(tmp_path):
    one = plan()
    assert remembered(one, tmp_path) is one
    write_plan(one, tmp_path)
    assert remembered(one, tmp_path) is one
    assert remembered(plan(sequential=FOUR), tmp_path).looked == ()


def test_a_later_run_without_sequential_shares_alpha_among_the_looks_all_the_same(tmp_path):
    settled(tmp_path, plan(5, FOUR), plan(15, FOUR))
    found = remembered(plan(5), tmp_path)
    assert looks(found) == (5, 10, 15, 20)
    assert procedure_for(found.tables[0].statistics, [(0, "0")], None).level == 0.05 / 4
    assert "swaps: `run --until-settled` looked at these trials" in still_paid_for(plan(5), found)
    assert still_paid_for(found, found) == ""


def test_it_is_kept_however_often_the_study_is_run_and_when_other_trials_were_run_between(tmp_path):
    settled(tmp_path, plan(10, FOUR))
    for trained in ("", " with another rate", ""):
        found = remembered(plan(10, trained=trained), tmp_path)
        assert looks(found) == (None if trained else (5, 10, 15, 20))
        write_plan(found, tmp_path)


def test_another_name_of_the_design_does_not_shake_it_off(tmp_path):
    settled(tmp_path, plan(10, FOUR))
    found = remembered(plan(10, designs=("renamed",)), tmp_path)
    assert looks(found) == (5, 10, 15, 20)


def test_a_number_of_seeds_that_no_look_had_is_one_look_more(tmp_path):
    settled(tmp_path, plan(20, FOUR))
    assert looks(remembered(plan(8), tmp_path)) == (5, 8, 10, 15, 20)
    write_plan(remembered(plan(8), tmp_path), tmp_path)
    assert looks(remembered(plan(40), tmp_path)) == (5, 8, 10, 15, 20, 40)
    assert looks(remembered(plan(4), tmp_path)) == (5, 8, 10, 15, 20)  # below five nothing is tested


def test_fewer_looks_that_the_study_asks_for_afterwards_come_on_top(tmp_path):
    settled(tmp_path, plan(20, FOUR))
    once = SequentialSettings(first=20, step=1, max_seeds=20)
    assert looks(remembered(plan(20, once), tmp_path)) == (5, 10, 15, 20)
    assert looks(remembered(plan(20, THREE), tmp_path)) == (5, 7, 9, 10, 15, 20)
    assert looks(remembered(plan(20, FOUR), tmp_path)) == (5, 10, 15, 20)
    assert still_paid_for(plan(20, FOUR), remembered(plan(20, FOUR), tmp_path)) == ""


@pytest.mark.parametrize(("method", "kept"), [("anytime", "anytime"), ("group", "group")])
def test_any_time_is_kept_only_where_every_look_was_of_that_kind(tmp_path, method, kept):
    settled(tmp_path, plan(10, FOUR.model_copy(update={"method": method})))
    assert remembered(plan(10), tmp_path).tables[0].statistics.sequential.method == kept
    own = plan(10, FOUR.model_copy(update={"method": "anytime"}))
    assert remembered(own, tmp_path).tables[0].statistics.sequential.method == kept


def test_a_table_of_other_trials_owes_nothing(tmp_path):
    settled(tmp_path, plan(10, FOUR))
    assert remembered(plan(10, trained=" anew"), tmp_path).tables == plan(10, trained=" anew").tables


def test_a_plan_that_is_damaged_or_older_than_this_tells_nothing(tmp_path):
    settled(tmp_path, plan(10, FOUR))
    path = tmp_path / "looks" / PLAN
    for text in ("{", '{"looked": 3}', '{"looked": [{"x": 1}]}', "[]"):
        path.write_text(text)
        assert remembered(plan(5), tmp_path) == plan(5)
