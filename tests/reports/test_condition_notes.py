"""Rows and splits under conditions: where tables take their values from, and what the notes say."""

import pytest

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
from butfor.reports.frame import tidy
from butfor.reports.listing import plan_json, plan_text
from butfor.reports.table import Table, tabulate

FULL, LESS = "f" * 16, "a" * 16
SEEDS = range(6)
PLAN = Plan(
    study="small",
    baseline=FULL,
    cells=(
        PlannedCell(key=FULL, label="full", settings={}),
        PlannedCell(key=LESS, label="w/o audio (retrained)", settings={}, differs={"modalities": ["text"]}),
    ),
    designs=(
        PlannedDesign(
            name="modalities",
            kind="leave_one_out",
            factors=("audio",),
            rows=(
                PlannedRow(cell=FULL, label="full", levels={"audio": True}, baseline=True),
                PlannedRow(cell=LESS, label="w/o audio (retrained)", levels={"audio": False}),
                PlannedRow(cell=FULL, label="w/o audio (at test)", levels={"audio": False}, without=("audio",)),
            ),
        ),
    ),
    conditions=("missing:0.3",),
    tables=(TableSettings(design="modalities"),),
    trials=tuple(
        PlannedTrial(key=f"{cell}{seed}", cell=cell, seed=seed, fold="0") for cell in (FULL, LESS) for seed in SEEDS
    ),
    metrics=(PlannedMetric(name="f1", higher_is_better=True, rate=True),),
)


def value(split: str, seed: int) -> float:
    """A figure of its own for each split, and a little for the seed."""
    return {"test": 0.8, "test@missing:0.3": 0.6, "test@without:audio": 0.5}[split] + (seed % 3) / 100 + seed / 1e4


@pytest.fixture
def table():
    def make(split: str = "test") -> Table:
        results = [
            TrainResult(
                f"{cell}{seed}",
                cell,
                seed,
                "0",
                "done",
                metrics={
                    name: {"f1": value(name, seed) - 0.1 * (cell == LESS)}
                    for name in ("test", "test@missing:0.3", *(["test@without:audio"] if cell == FULL else []))
                },
            )
            for cell in (FULL, LESS)
            for seed in SEEDS
        ]
        return tabulate(tidy(results, PLAN), PLAN, TableSettings(design="modalities", split=split))

    return make


def test_a_row_at_test_time_has_the_figures_of_its_condition(table) -> None:
    full, retrained, tested = (row.scores["f1"] for row in table().rows)
    assert full.mean == pytest.approx(0.81025)
    assert retrained.mean == pytest.approx(0.71025)
    assert tested.mean == pytest.approx(0.51025)
    assert tested.delta == pytest.approx(-0.3)
    assert retrained.delta == pytest.approx(-0.1)
    assert (tested.n, tested.pairs) == (6, 6)


def test_only_the_clean_row_is_the_baseline(table) -> None:
    made = table()
    assert [row.baseline for row in made.rows] == [True, False, False]
    assert [row.cell for row in made.rows] == [FULL, LESS, FULL]
    assert len({row.key for row in made.rows}) == 3


def test_both_ways_to_leave_out_are_compared_and_corrected_for(table) -> None:
    made = table()
    assert made.statistics.family == 2
    assert all(row.scores["f1"].judged is not None for row in made.rows[1:])


def test_a_record_says_the_split_that_its_figures_are_of(table) -> None:
    assert [record["split"] for record in table().records()] == ["test", "test", "test@without:audio"]


def test_a_table_of_a_condition_takes_all_from_there_and_leaves_rows_at_test_time_empty(table) -> None:
    full, retrained, tested = (row.scores["f1"].mean for row in table("test@missing:0.3").rows)
    assert full == pytest.approx(0.61025)
    assert retrained == pytest.approx(0.51025)
    assert tested is None


def test_the_notes_say_what_was_done_to_the_rows(table) -> None:
    words = (
        "(at test): the trials of “full”, tested with the modality absent from every row; (retrained): another system, "
        "trained without it."
    )
    assert words in table().notes
    under = "test@missing:0.3: test rows, each modality missing in 30 %, one always left; the same in every system."
    assert under in table("test@missing:0.3").notes
    assert not any("missing" in note for note in table().notes)


def test_a_plan_says_which_rows_train_nothing() -> None:
    text = plan_text(PLAN, (), 12, 12)
    assert "every trial is also tested under 1 condition: missing:0.3" in text
    assert f"  {FULL}  w/o audio (at test)  [tested without audio; trains nothing]" in text
    tree = plan_text(PLAN, (), 12, 12, tree=True)
    assert f"w/o audio (at test)  {FULL}" in tree
    assert "tested without audio; trains nothing" in tree
    assert "2 cells" in text


def test_a_program_reads_the_same() -> None:
    read = plan_json(PLAN, (), 12)
    assert read["conditions"] == ["missing:0.3"]
    assert read["at_test"] == [
        {"design": "modalities", "label": "w/o audio (at test)", "cell": FULL, "condition": "without:audio"}
    ]
    assert [cell["designs"] for cell in read["cells"]] == [["modalities"], ["modalities"]]


def test_without_conditions_a_plan_says_nothing_of_them() -> None:
    assert "tested" not in plan_text(PLAN.model_copy(update={"conditions": (), "designs": ()}), (), 12, 12)
