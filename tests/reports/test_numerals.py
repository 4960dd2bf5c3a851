"""Numbers and headings in print."""

import pytest

from butfor.core.study.plan import PlannedMetric
from butfor.reports.numerals import heading, numeral, scale


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "text"),
    [
        (0.8126, 3, False, "0.813"),
        (0.012, 3, True, "+0.012"),
        (-0.012, 3, True, "−0.012"),
        (-0.0004, 3, False, "0.000"),
        (0.0, 3, True, "0.000"),
        (12.0, 0, False, "12"),
        (None, 3, False, "–"),
        (1.5e9, 2, False, "1.50e+09"),
        (-2e7, 1, True, "−2.0e+07"),
    ],
)
def test_numbers_read_as_in_a_paper(value, decimals, signed, text):
    assert numeral(value, decimals, signed=signed) == text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("weighted_f1", "Weighted F1"),
        ("mse", "MSE"),
        ("acc2_non0", "Acc2 non0"),
        ("emotion.macro_f1", "Emotion: macro F1"),
        ("__", "__"),
    ],
)
def test_names_of_metrics_become_headings(name, words):
    assert heading(name) == words


def test_only_rates_are_multiplied_in_percent():
    rate = PlannedMetric(name="f1", higher_is_better=True, rate=True)
    error = PlannedMetric(name="mse", higher_is_better=False)
    assert [scale(metric, percent=percent) for metric in (rate, error) for percent in (True, False)] == [100, 1, 1, 1]
