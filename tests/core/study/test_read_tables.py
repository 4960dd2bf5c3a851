"""Which entry of `tables` each table comes from, and published numbers that are none."""

import pytest

from butfor.core.errors import StudyError
from butfor.core.study.read_tables import numbers_of

TWO = """\
ablations:
  a: {one_at_a_time: {fusion: [concat]}}
  b: {one_at_a_time: {fusion: [uncertainty]}}
"""


@pytest.mark.parametrize(
    ("tables", "only", "numbers"),
    [
        ("tables: [{design: a}, {design: b}, {design: a, split: valid}]\n", (), (0, 1, 2)),
        ("tables: [{design: a}, {design: b}, {design: a, split: valid}]\n", ("b",), (1,)),
        ("tables: [{design: a}, {design: b}, {design: a, split: valid}]\n", ("a",), (0, 2)),
        ("", (), (0, 1)),
        ("", ("b",), (0,)),
    ],
)
def test_a_table_keeps_its_number_in_the_file_where_designs_are_left_out(parse, base, tables, only, numbers):
    study = parse(text=base + TWO + tables, only=only)
    assert numbers_of(study.tables, study.node) == numbers


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_a_published_value_has_to_be_a_finite_number(parse, base, value):
    row = f"{{label: A, source: B, values: {{f1: {value}}}}}"
    with pytest.raises(StudyError) as error:
        parse(text=base + TWO + f"tables:\n  - design: a\n    reference: [{row}]\n")
    (finding,) = error.value.findings
    assert (finding.line, finding.path) == (19, "tables.0.reference.0.values.f1")
    assert "expected a finite number" in finding.message
