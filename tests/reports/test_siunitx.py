"""Columns and fields of siunitx."""

import pytest

from butfor.reports.sheet import Cell
from butfor.reports.siunitx import column, field

TEXT = "mode=text,reset-text-series=false,reset-text-shape=false"


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ([Cell("0.524", "0.097"), Cell("10.1")], "S[table-format=2.3(2),uncertainty-mode=separate]"),
        ([Cell("<0.001"), Cell("0.123"), Cell("–")], "S[table-format=<1.3]"),
        ([Cell("−0.5"), Cell("+0.25")], "S[table-format=-1.2,retain-explicit-plus]"),
        ([Cell("1"), Cell("22", mark="best")], f"S[table-format=2,{TEXT}]"),
        ([Cell("+0.1 (0.0, 0.2)"), Cell("0.1")], ""),
        ([Cell("4/5")], ""),
        ([Cell(""), Cell("–")], ""),
    ],
)  # fmt: skip
def test_a_column_of_numbers_has_room_for_all_of_them_and_any_other_is_none(cells, wanted):
    assert column(cells) == wanted


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        (Cell("0.524", "0.097"), "0.524(97)"),
        (Cell("52.4", "12.1", "best"), r"\bfseries 52.4(121)"),
        (Cell("−0.524", "0.000", "second", tied=True), r"\slshape -0.524(0) {\rlap{$^{\dag}$}}"),
        (Cell("<0.001"), "<0.001"),
        (Cell("–"), "{--}"),
        (Cell("≠"), r"{$\neq$}"),
        (Cell(""), ""),
    ],
)
def test_a_field_has_its_uncertainty_in_the_last_digits(cell, wanted):
    assert field(cell) == wanted
