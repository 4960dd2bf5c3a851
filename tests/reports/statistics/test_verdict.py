"""Verdicts in words."""

import pytest

from butfor.reports.statistics.verdict import verdict


@pytest.mark.parametrize(
    ("delta", "p", "higher", "same", "said"),
    [
        (0.1, 0.01, True, None, "better"),
        (-0.1, 0.01, True, None, "worse"),
        (0.1, 0.01, False, None, "worse"),
        (-0.1, 0.05, False, None, "better"),
        (0.1, 0.051, True, None, "not settled"),
        (0.1, None, True, None, None),
        (None, None, True, None, None),
        (0.001, 0.8, True, 0.01, "equivalent"),
        (0.001, 0.01, True, 0.01, "equivalent"),
        (0.1, 0.01, True, 0.9, "better"),
        (0.1, 0.2, True, 0.2, "not settled"),
        (0.0, 0.0, True, None, "not settled"),
    ],
)
def test_a_verdict_follows_direction_p_and_margin(delta, p, higher, same, said):
    assert verdict(delta, p, higher_is_better=higher, equivalence=same) == said


def test_alpha_decides():
    assert verdict(0.1, 0.08, higher_is_better=True, alpha=0.1) == "better"
