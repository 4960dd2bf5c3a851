"""One system against another: which test, over which units, and what few blocks allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from butfor.core.study.plan import SequentialSettings, StatisticsSettings
from butfor.reports.statistics.compare import compare
from butfor.reports.statistics.procedure import Procedure, procedure_for
from butfor.reports.statistics.resampled import nadeau_bengio

GRID = [(seed, fold) for seed in range(3) for fold in "abcde"]
SEEDS = [(seed, "official") for seed in range(6)]
numbers = st.floats(-1e3, 1e3)


def values(blocks, seed=0, shift=0.0):
    return dict(zip(blocks, (np.random.default_rng(seed).normal(shift, 1.0, len(blocks))).tolist(), strict=True))


def against(one, other, procedure=None, **settings):
    return compare(one, other, procedure or Procedure(), higher_is_better=True, **settings)


def test_over_seeds_it_is_the_paired_t():
    one, other = values(SEEDS, 1), values(SEEDS, 2)
    found = against(one, other)
    oracle = stats.ttest_rel(list(one.values()), list(other.values()))
    low, high = oracle.confidence_interval(0.95)
    assert (found.p, found.low, found.high) == pytest.approx((oracle.pvalue, low, high))
    assert (found.units, found.pairs) == (6, 6)


def test_over_folds_seeds_are_averaged_first_and_the_overlap_is_corrected():
    one, other = values(GRID, 1), values(GRID, 2)
    found = against(one, other, Procedure("nadeau_bengio", "fold", held_out=0.25))
    folds = [np.mean([one[s, f] - other[s, f] for s in range(3)]) for f in "abcde"]
    oracle = nadeau_bengio(np.array(folds), held_out=0.25)
    assert (found.p, found.low, found.high) == pytest.approx((float(oracle.p), float(oracle.low), float(oracle.high)))
    assert (found.units, found.pairs) == (5, 15)


def test_over_seeds_with_folds_the_folds_are_averaged_first():
    one, other = values(GRID, 1), values(GRID, 2)
    found = against(one, other)
    assert found.units == 3
    assert found.delta == pytest.approx(np.mean(list(one.values())) - np.mean(list(other.values())))


def test_only_common_blocks_count_and_none_is_no_comparison():
    one, other = values(SEEDS, 1), values(SEEDS[:5], 2)
    found = against({**one, (9, "official"): 1e6}, other)
    assert found.pairs == 5
    assert found.delta == pytest.approx(np.mean([one[block] - other[block] for block in SEEDS[:5]]))
    assert against(one, {}) is None


@pytest.mark.parametrize(
    ("count", "interval", "p"), [(1, False, False), (2, True, False), (4, True, False), (5, True, True)]
)
def test_below_five_blocks_there_are_intervals_only_and_below_two_none(count, interval, p):
    found = against(values(SEEDS[:count], 1), values(SEEDS[:count], 2), margin=1.0)
    assert (found.low is not None, found.p is not None) == (interval, p)
    assert (found.p_equivalent is not None) == p


@pytest.mark.parametrize(("count", "tested"), [(5, False), (6, True)])
def test_below_six_blocks_there_are_no_signed_ranks(count, tested):
    found = against(values(SEEDS[:count], 1), values(SEEDS[:count], 2), Procedure("wilcoxon"), margin=1.0)
    assert (found.p is not None) == (found.p_equivalent is not None) == tested
    if tested:
        assert (
            found.p
            == stats.wilcoxon(np.array(list(values(SEEDS, 1).values())) - list(values(SEEDS, 2).values())).pvalue
        )


def test_no_test_still_says_the_difference_and_the_wins():
    found = against(dict.fromkeys(SEEDS, 1.0), dict.fromkeys(SEEDS, 0.5), Procedure("none"))
    assert (found.delta, found.wins, found.low, found.p) == (0.5, 6, None, None)


@given(st.lists(st.tuples(numbers, numbers), min_size=5, max_size=6))
def test_swapping_the_systems_turns_the_sign_and_nothing_else(pairs):
    one = {block: a for block, (a, _) in zip(SEEDS, pairs, strict=False)}
    other = {block: b for block, (_, b) in zip(SEEDS, pairs, strict=False)}
    there, back = against(one, other, margin=1.0), against(other, one, margin=1.0)
    assert there.delta == -back.delta
    assert there.p == pytest.approx(back.p)
    assert there.p_equivalent == pytest.approx(back.p_equivalent)
    assert there.low == (None if back.high is None else pytest.approx(-back.high))


def test_planned_looks_widen_the_interval_and_raise_p_by_their_number():
    one, other = values(SEEDS, 1, 0.8), values(SEEDS, 2)
    plain, shared = against(one, other, margin=3.0), against(one, other, Procedure(looks=4), margin=3.0)
    assert shared.p == pytest.approx(min(1.0, 4 * plain.p))
    assert shared.p_equivalent == pytest.approx(min(1.0, 4 * plain.p_equivalent))
    assert shared.low < plain.low


def test_at_any_time_equivalence_is_claimed_just_where_the_interval_lies_inside_the_margin():
    blocks = [(seed, "a") for seed in range(40)]
    one, other = values(blocks, 1), values(blocks, 2)
    found = against(one, other, Procedure(anytime=True))
    edge = max(abs(found.low), abs(found.high))
    for margin, claimed in ((edge * 1.01, True), (edge * 0.99, False)):
        assert (against(one, other, Procedure(anytime=True), margin=margin).p_equivalent <= 0.05) == claimed


@pytest.mark.parametrize(
    ("settings", "blocks", "held_out", "expected"),
    [
        ({}, SEEDS, None, Procedure()),
        ({}, GRID, None, Procedure("nadeau_bengio", "fold", held_out=0.25)),
        ({}, GRID, 0.3, Procedure("nadeau_bengio", "fold", held_out=0.3)),
        ({"test": "paired_t"}, GRID, 0.3, Procedure()),
        ({"test": "wilcoxon", "alpha": 0.1}, SEEDS, None, Procedure("wilcoxon", alpha=0.1)),
        ({"sequential": SequentialSettings()}, SEEDS, None, Procedure(looks=4)),
        ({"sequential": SequentialSettings(method="anytime")}, SEEDS, None, Procedure(anytime=True)),
        (
            {"sequential": SequentialSettings(method="anytime")},
            GRID,
            0.25,
            Procedure("nadeau_bengio", "fold", held_out=0.25, looks=4),
        ),
    ],
)
def test_the_test_follows_the_settings_and_the_blocks(settings, blocks, held_out, expected):
    assert procedure_for(StatisticsSettings(**settings), blocks, held_out) == expected


@pytest.mark.parametrize(
    ("procedure", "p"),
    [
        (Procedure(), 2 / 2**8),
        (Procedure(test="wilcoxon"), 2 / 2**8),
        (Procedure(looks=4), 8 / 2**8),
        (Procedure(anytime=True), 9 / 2**8),
        (Procedure(test="nadeau_bengio", unit="seed", held_out=0.25), 2 / 2**8),
    ],
)
def test_equal_differences_have_no_interval_by_any_test_and_the_p_of_their_signs(procedure, p):
    reference = {(seed, "a"): 0.1 * seed for seed in range(8)}
    found = compare({block: value + 0.3 for block, value in reference.items()}, reference, procedure,
                    higher_is_better=True, margin=0.5)  # fmt: skip
    assert (found.low, found.high, found.sd) == (None, None, 0.0)
    assert found.p == pytest.approx(p)
    assert found.p_equivalent <= p
    same = compare(reference, reference, procedure, higher_is_better=True)
    assert (same.low, same.p) == (None, 1.0)
