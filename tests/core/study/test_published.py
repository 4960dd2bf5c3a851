"""Published numbers of a table: what has no column to stand in is told at its line and column, the rest passes."""

import pytest

from butfor.core.study.locate import plain, read
from butfor.core.study.plan import PlannedDesign, PlannedMetric, PlannedRow, TableSettings
from butfor.core.study.problems import Problems
from butfor.core.study.published import Known, check_published

RATES = ("weighted_f1", "accuracy", "acc2_has0", "acc2_non0")
METRICS = {
    **{name: PlannedMetric(name=name, higher_is_better=True, rate=True) for name in RATES},
    "mse": PlannedMetric(name="mse", higher_is_better=False),
    "valence.ccc": PlannedMetric(name="valence.ccc", higher_is_better=True),
}
DESIGN = PlannedDesign(
    name="both",
    kind="factorial",
    factors=("fusion", "data"),
    rows=(
        PlannedRow(cell="a", label="A", levels={"fusion": "mean", "data": "mosi"}, baseline=True),
        PlannedRow(cell="b", label="B", levels={"fusion": "mean", "data": "mosei"}),
    ),
)


def found(table: str, row: str, *, tests: tuple[str, ...] = ("test",), before: str = "") -> list[str]:
    """What is wrong with the published `row` of a table, which stands in line 3 or after `before`."""
    text = f"tables:\n{before}  - design: both\n    {table}\n    reference: [{row}]\n"
    root, problems = read(text, "study.yaml"), Problems()
    items = root.children["tables"].items
    settings = TableSettings.model_validate(plain(items[-1]))
    check_published(settings, len(items) - 1, root, Known(METRICS, (DESIGN,), tests), problems)
    return [f"{finding} [{finding.code}]".removeprefix("study.yaml:") for finding in problems.errors]


def test_numbers_that_have_a_column_each_pass() -> None:
    row = "{label: MISA, source: Table 2, values: {accuracy: 0.83, mse: 3.5, weighted_f1: 1, acc2_has0: 0}}"
    assert found("metrics: [weighted_f1, accuracy, mse, acc2_has0]", row) == []


def test_a_table_without_metrics_of_its_own_shows_the_first_ones() -> None:
    assert found("decimals: 3", "{label: A, source: B, values: {acc2_non0: 0.5}}") == []
    assert found("decimals: 3", "{label: A, source: B, values: {mse: 0.5}}") == [
        (
            "4:53: tables.0.reference.0.values.mse: the table has no column 'mse' for the published 'A'; "
            "name it: `metrics: [weighted_f1, accuracy, acc2_has0, acc2_non0, mse]` [BF320]"
        )
    ]


def test_a_level_and_parameters_that_the_table_shows_pass() -> None:
    row = "{label: A, source: B, values: {accuracy: 0.5}, level: mosei, parameters: 1200}"
    assert found("costs: [parameters]", row) == []


@pytest.mark.parametrize(
    ("table", "row", "told"),
    [
        (
            "metrics: [accuracy]",
            "{label: A, source: B, values: {acuracy: 0.5}}",
            (
                "4:57: tables.0.reference.0.values.acuracy: no column has the metric 'acuracy' of the published "
                "'A'; did you mean 'accuracy'? [BF314]"
            ),
        ),
        (
            "metrics: [acc2_has0]",
            "{label: A, source: B, values: {acc2: 0.5}}",
            (
                "4:54: tables.0.reference.0.values.acc2: no column has the metric 'acc2' of the published 'A'; "
                "say by which convention: acc2_has0, acc2_non0 [BF314]"
            ),
        ),
        (
            "metrics: [accuracy]",
            "{label: A, source: B, values: {accuracy: 83.4}}",
            (
                "4:58: tables.0.reference.0.values.accuracy: 'accuracy' is a rate from 0 to 1, and 83.4 is none; "
                "write 0.834 [BF320]"
            ),
        ),
        (
            "metrics: [accuracy]",
            "{label: A, source: B, values: {accuracy: 834}}",
            ("4:58: tables.0.reference.0.values.accuracy: 'accuracy' is a rate from 0 to 1, and 834 is none [BF320]"),
        ),
        (
            "metrics: [accuracy]",
            "{label: A, source: B, values: {accuracy: -0.5}}",
            ("4:58: tables.0.reference.0.values.accuracy: 'accuracy' is a rate from 0 to 1, and -0.5 is none [BF320]"),
        ),
        (
            "metrics: [accuracy]",
            "{label: A, source: B, values: {valence.ccc: 0.5}}",
            (
                "4:61: tables.0.reference.0.values.valence.ccc: the table has no column 'valence.ccc' for the "
                "published 'A'; name it: `metrics: [accuracy, valence.ccc]` [BF320]"
            ),
        ),
        (
            "metrics: [accuracy]",
            "{label: A, source: B, level: mosie, values: {accuracy: 0.5}}",
            (
                "4:46: tables.0.reference.0.level: no row of 'both' has the level 'mosie' of the published 'A'; "
                "did you mean 'mosi'? [BF320]"
            ),
        ),
        (
            "costs: [flops]",
            "{label: A, source: B, parameters: 1200, values: {accuracy: 0.5}}",
            (
                "4:51: tables.0.reference.0.parameters: the table has no column of parameters for the published "
                "'A'; ask for it: `costs: [parameters]` [BF320]"
            ),
        ),
    ],
)
def test_a_number_without_a_place_is_told_where_it_stands(table: str, row: str, told: str) -> None:
    assert found(table, row) == [told]


def test_of_several_test_parts_the_published_one_has_to_be_said() -> None:
    row, tests = "{label: A, source: B, values: {accuracy: 0.5}}", ("easy", "hard")
    assert found("metrics: [accuracy]", row, tests=tests) == [
        (
            "4:17: tables.0.reference.0: the data have no part 'test' but easy, hard, and 'A' is of one of them; "
            "give each a table of its own, such as `split: easy` [BF320]"
        )
    ]
    assert found("split: hard", row, tests=tests) == []
    assert found("metrics: [accuracy]", row, tests=("easy",)) == []


def test_every_wrong_number_of_every_row_is_told_in_the_order_of_the_file() -> None:
    rows = "{label: A, source: B, values: {mse: 1, acc: 2}}, {label: C, source: D, values: {accuracy: 2, mse: 3}}"
    told = found("metrics: [mse]", rows, before="  - {design: both}\n")
    assert [line.partition(": ")[0] for line in told] == ["5:61", "5:107"]
    assert all("tables.1.reference." in line for line in told)
