"""Every procedure holds its coverage and its false positives in simulation, and no longer does without its correction.

Each rate must lie within four standard errors of its nominal value (exact procedures) or below that (bounds). Seeded.
"""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from butfor.reports.statistics.compare import estimate
from butfor.reports.statistics.contrast import effects
from butfor.reports.statistics.corrections import adjusted
from butfor.reports.statistics.effect import superiority
from butfor.reports.statistics.equivalence import tost
from butfor.reports.statistics.factorial import main_and_interactions, shapley
from butfor.reports.statistics.friedman import friedman
from butfor.reports.statistics.ladder import steps
from butfor.reports.statistics.looks import anytime_half_width, e_value, shared_p
from butfor.reports.statistics.paired import paired_t, signed_rank
from butfor.reports.statistics.procedure import Procedure
from butfor.reports.statistics.resampled import nadeau_bengio
from butfor.reports.statistics.samples import mcnemar, paired_bootstrap
from butfor.reports.statistics.small_n import power
from butfor.reports.statistics.trend import page, slope
from butfor.reports.statistics.unpaired import difference, pooled

MANY = 40_000
LOOKS = (5, 10, 15, 20)


def room(rate, runs):
    """Four standard errors of a share of `runs`."""
    return 4 * np.sqrt(rate * (1 - rate) / runs)


def held(found, rate, runs):
    return abs(found - rate) <= room(rate, runs)


def bounded(found, rate, runs):
    return found <= rate + room(rate, runs)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def correlated(runs, folds, held_out, seed=0):
    """Differences of folds with the correlation that n_test / n_train stands for: n_test / (n_test + n_train)."""
    rho = held_out / (1 + held_out)
    return np.sqrt(rho) * normal(runs, 1, seed=seed) + np.sqrt(1 - rho) * normal(runs, folds, seed=seed + 1)


@pytest.mark.parametrize("count", [5, 10])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_the_paired_t_has_its_false_positives_and_its_coverage(count, alpha):
    found = paired_t(normal(MANY, count) + 0.3, alpha=alpha)
    assert held(((found.low <= 0.3) & (found.high >= 0.3)).mean(), 1 - alpha, MANY)
    assert held((paired_t(normal(MANY, count)).p <= alpha).mean(), alpha, MANY)


@pytest.mark.parametrize(("effect", "count"), [(0.5, 5), (1.0, 10), (0.8, 20)])
def test_the_paired_t_has_the_power_that_is_promised_and_that_statsmodels_has(effect, count):
    found = (paired_t(normal(MANY, count) + effect).p <= 0.05).mean()
    assert held(found, power(effect, count), MANY)
    assert held(found, TTestPower().power(effect, count, 0.05), MANY)


@pytest.mark.parametrize(("folds", "held_out"), [(5, 0.25), (10, 1 / 9)])
def test_nadeau_bengio_holds_on_correlated_folds_and_the_plain_t_does_not(folds, held_out):
    differences = correlated(MANY, folds, held_out)
    corrected, plain = nadeau_bengio(differences, held_out=held_out), paired_t(differences)
    assert held((corrected.p <= 0.05).mean(), 0.05, MANY)
    assert held(((corrected.low <= 0) & (corrected.high >= 0)).mean(), 0.95, MANY)
    assert (plain.p <= 0.05).mean() > 0.05 + 10 * room(0.05, MANY)
    assert ((plain.low <= 0) & (plain.high >= 0)).mean() < 0.95 - 10 * room(0.05, MANY)


@pytest.mark.parametrize("splits", ["five folds", "fifteen random splits"])
def test_nadeau_bengio_holds_on_regressions_that_were_fitted_and_the_plain_t_fails_on_random_splits(splits):
    """Two regressions, each on one of two equally good inputs, 60 rows, squared error on a fifth of them.

    On five folds of so simple a learner the plain t happens to hold and the corrected one is careful.
    """
    runs, rows = 3000, 60
    draw = np.random.default_rng(6)
    folds = [np.arange(rows) % 5 == fold for fold in range(5)]
    tests = folds if splits == "five folds" else [draw.permutation(rows) < rows // 5 for _ in range(15)]
    inputs = normal(2, runs, rows, seed=4)
    truth = inputs.sum(axis=0) + normal(runs, rows, seed=5)
    errors = np.empty((2, runs, len(tests)))
    for number, test in enumerate(tests):
        for which in (0, 1):
            x, y = inputs[which][:, ~test], truth[:, ~test]
            weight = ((x * y).sum(axis=1) / (x**2).sum(axis=1))[:, None]
            errors[which, :, number] = ((truth[:, test] - weight * inputs[which][:, test]) ** 2).mean(axis=1)
    differences = errors[0] - errors[1]
    assert bounded((nadeau_bengio(differences, held_out=0.25).p <= 0.05).mean(), 0.05, runs)
    if splits != "five folds":
        assert (paired_t(differences).p <= 0.05).mean() > 0.05 + 4 * room(0.05, runs)


def test_seeds_on_one_fold_are_no_further_folds():
    """Five folds with five seeds: averaged over seeds first it holds; as 25 blocks it does not, corrected or not."""
    runs = 20_000
    each = correlated(runs, 5, 0.25, seed=21)[..., None] + 0.5 * normal(runs, 5, 5, seed=23)
    assert bounded((nadeau_bengio(each.mean(axis=-1), held_out=0.25).p <= 0.05).mean(), 0.05, runs)
    assert (paired_t(each.reshape(runs, 25)).p <= 0.05).mean() > 0.05 + 20 * room(0.05, runs)


def test_runs_that_nothing_pairs_hold_alpha_and_one_spread_for_unequal_ones_does_not():
    runs = 20_000

    def rates(one, other):
        arms = list(zip(one.tolist(), other.tolist(), strict=True))
        shared = [difference(*both, spread=pooled(both)).p <= 0.05 for both in arms]
        return np.mean([difference(*both).p <= 0.05 for both in arms]), np.mean(shared)

    welch, one_spread = rates(normal(runs, 5, seed=25), normal(runs, 5, seed=26))
    assert bounded(welch, 0.05, runs)
    assert held(one_spread, 0.05, runs)
    welch, one_spread = rates(normal(runs, 10, seed=27), 3 * normal(runs, 5, seed=28))
    assert welch <= 0.065  # Welch's degrees are an approximation
    assert one_spread > 0.05 + 10 * room(0.05, runs)


@pytest.mark.parametrize("real", [0, 2])
def test_holm_holds_the_chance_of_any_false_positive_and_no_correction_does_not(real):
    """Six systems against one baseline over ten seeds; `real` of them differ."""
    runs, rows = 6000, 6
    baseline, systems = normal(runs, 1, 10, seed=1), normal(runs, rows, 10, seed=2)
    systems[:, :real] += 2.0
    p = paired_t(systems - baseline).p
    corrected = np.array([adjusted(row, "holm") for row in p.tolist()])
    assert bounded((corrected[:, real:] <= 0.05).any(axis=1).mean(), 0.05, runs)
    assert (p[:, real:] <= 0.05).any(axis=1).mean() > 0.05 + 4 * room(0.05, runs)
    assert (corrected >= p).all()


@pytest.mark.parametrize("count", [8, 15])
def test_equivalence_is_claimed_at_the_margin_no_more_often_than_alpha(count):
    margin = 2.0
    claimed = tost(paired_t(normal(MANY, count) + margin), margin) <= 0.05
    assert held(claimed.mean(), 0.05, MANY)
    assert bounded((tost(paired_t(normal(MANY, count) + 1.2 * margin), margin) <= 0.05).mean(), 0.05, MANY)


@pytest.mark.parametrize("count", [6, 9])
def test_signed_ranks_hold_their_bounds(count):
    runs = 1500
    found = [signed_rank(row) for row in np.random.default_rng(1).standard_t(2, (runs, count))]
    assert bounded(np.mean([one.p <= 0.05 for one in found]), 0.05, runs)
    assert bounded(np.mean([not one.low <= 0 <= one.high for one in found]), 0.05, runs)


@pytest.mark.parametrize("count", [5, 12, 25])
@pytest.mark.parametrize("truth", [0.5, 0.75, 0.95])
def test_the_interval_of_superiority_covers_at_least_as_often_as_it_says(count, truth):
    runs = 3000
    known = {won: superiority(won, count) for won in range(count + 1)}
    won = np.random.default_rng(2).binomial(count, truth, runs)
    missed = [not known[one].low <= truth <= known[one].high for one in won]
    assert bounded(np.mean(missed), 0.05, runs)


def test_planned_looks_hold_alpha_together_and_single_looks_do_not():
    draws = normal(MANY, LOOKS[-1])
    p = np.stack([paired_t(draws[:, :count]).p for count in LOOKS])
    assert bounded((shared_p(p, len(LOOKS)) <= 0.05).any(axis=0).mean(), 0.05, MANY)
    assert (p <= 0.05).any(axis=0).mean() > 0.05 + 10 * room(0.05, MANY)


def test_pococks_constant_of_the_normal_lets_too_many_through_with_few_seeds():
    draws, constant = normal(200_000, LOOKS[-1], seed=3), 2.361
    p = np.stack([paired_t(draws[:, :count]).p for count in LOOKS])
    assert (p <= 2 * stats.norm.sf(constant)).any(axis=0).mean() > 0.05 + room(0.05, 200_000)


def test_planned_looks_hold_alpha_for_folds_and_for_equivalence_too():
    folds, seeds = 5, LOOKS[-1]
    shared, noise = correlated(20_000, folds, 0.25, seed=5), normal(20_000, folds, seeds, seed=7)
    each = [shared + noise[..., :count].mean(axis=-1) for count in LOOKS]
    p = np.stack([nadeau_bengio(units, held_out=0.25).p for units in each])
    assert bounded((shared_p(p, len(LOOKS)) <= 0.05).any(axis=0).mean(), 0.05, 20_000)
    margin, draws = 1.5, normal(MANY, seeds, seed=9) + 1.5
    p = np.stack([tost(paired_t(draws[:, :count]), margin) for count in LOOKS])
    assert bounded((shared_p(p, len(LOOKS)) <= 0.05).any(axis=0).mean(), 0.05, MANY)
    assert (p <= 0.05).any(axis=0).mean() > 0.05 + 10 * room(0.05, MANY)


def test_at_any_time_means_at_every_number_of_seeds_from_two_to_sixty():
    runs = 20_000
    draws, false, missed, naive = normal(runs, 60), np.zeros(runs, bool), np.zeros(runs, bool), np.zeros(runs, bool)
    for count in range(2, 61):
        part = draws[:, :count]
        mean, sd = part.mean(axis=1), part.std(axis=1, ddof=1)
        false |= e_value(mean, sd, count) >= 20
        missed |= np.abs(mean) > anytime_half_width(sd, count)
        naive |= paired_t(part).p <= 0.05
    assert bounded(false.mean(), 0.05, runs)
    assert bounded(missed.mean(), 0.05, runs)
    assert naive.mean() > 0.2


@pytest.mark.parametrize(
    "procedure",
    [
        Procedure(),
        Procedure(alpha=0.1),
        Procedure("nadeau_bengio", "fold", held_out=0.25),
        Procedure(looks=4),
        Procedure(anytime=True),
    ],
)
def test_what_a_table_runs_holds_alpha_and_its_interval_agrees_with_its_p(procedure):
    draws = correlated(MANY, 7, procedure.held_out, seed=11)
    found = estimate(draws, procedure)
    assert bounded((found.p <= procedure.alpha).mean(), procedure.alpha, MANY)
    outside = (found.low > 0) | (found.high < 0)
    np.testing.assert_array_equal(outside, found.p < procedure.alpha)


DESIGN = [{"a": a, "b": b, "c": c} for a in (True, False) for b in (True, False) for c in (True, False)]
CONTRASTS = {
    "main effects and interactions": main_and_interactions(DESIGN, DESIGN[0]),
    "Shapley values": shapley(DESIGN, DESIGN[0]),
    "steps": steps(["start", "one", "two", "three"]),
    "trend": slope([0.1, 0.2, 0.4, 0.8]),
}


@pytest.mark.parametrize("kind", CONTRASTS)
def test_effects_cover_and_err_as_they_say_and_holm_holds_them_together(kind):
    """Cells share their seeds' luck, which contrasts must not see."""
    runs, weights = 5000, CONTRASTS[kind].weights
    labels = CONTRASTS[kind].labels
    truth = np.linspace(0.5, 0.9, weights.shape[1])
    metric = normal(runs, weights.shape[1], 6, seed=13) + 5 * normal(runs, 1, 6, seed=14)
    contrasts, real = weights @ metric, weights @ truth
    null, shifted = paired_t(contrasts), paired_t(contrasts + real[:, None])
    corrected = np.array([adjusted(row) for row in null.p.tolist()])
    assert abs((null.p <= 0.05).mean() - 0.05) <= room(0.05, runs)
    assert abs(((shifted.low <= real) & (real <= shifted.high)).mean() - 0.95) <= room(0.05, runs)
    assert bounded((corrected <= 0.05).any(axis=1).mean(), 0.05, runs)
    for one, p, q in zip(contrasts[:20], null.p, corrected, strict=False):
        found = effects(labels, one, Procedure())
        assert [effect.p for effect in found] == pytest.approx(p.tolist())
        assert [effect.p_adjusted for effect in found] == pytest.approx(q.tolist())


def test_pages_trend_holds_its_bound():
    runs = 800
    found = [page(block) for block in normal(runs, 6, 4, seed=15)]
    assert bounded(np.mean(np.array(found) <= 0.05), 0.05, runs)


def test_friedman_and_its_critical_difference_hold_over_data_sets():
    runs = 3000
    found = [friedman(block, list("wxyz")) for block in normal(runs, 14, 4, seed=16)]
    assert held(np.mean([one.p <= 0.05 for one in found]), 0.05, runs)
    apart = [np.ptp(one.ranks) > one.critical_difference for one in found]
    assert bounded(np.mean(apart), 0.05, runs)


def test_mcnemar_and_the_paired_bootstrap_hold_on_rows():
    runs, rows = 250, 150
    rng = np.random.default_rng(17)
    false, missed = [], []
    for number in range(runs):
        truth = np.ones(rows)
        hard = rng.random(rows) < 0.5
        one, two = ((rng.random(rows) < np.where(hard, 0.6, 0.9)) for _ in range(2))
        false.append(mcnemar(one, two).p <= 0.05)
        found = paired_bootstrap(
            one, two, truth, lambda guess, right: float((guess == right).mean()), resamples=150, seed=number
        )
        missed.append(not found.low <= 0 <= found.high)
    assert bounded(np.mean(false), 0.05, runs)
    assert held(np.mean(missed), 0.05, runs)


@pytest.mark.parametrize("sizes", [[20] * 10, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]], ids=["equal", "unequal"])
def test_the_grouped_bootstrap_is_near_its_level_with_the_fewest_groups_and_plain_percentiles_are_not(sizes):
    """Ten groups, each of which one model or the other suits better; 5.6 and 6.0 % are found, plainly 11 and 12 %."""
    runs, draws, rng = 2000, 400, np.random.default_rng(18)
    groups = np.repeat(np.arange(10), sizes)
    starts = np.unique(groups, return_index=True)[1]
    called, plainly = [], []
    for number in range(runs):
        gain = rng.normal(size=10)[groups] + 0.5 * rng.normal(size=groups.size)
        found = paired_bootstrap(
            gain, gain * 0, gain, lambda told, _: float(told.mean()), groups=groups, resamples=draws, seed=number
        )
        called.append(found.p <= 0.05)
        pick, sums = rng.integers(10, size=(draws, 10)), np.add.reduceat(gain, starts)
        low, high = np.quantile(sums[pick].sum(1) / np.array(sizes)[pick].sum(1), [0.025, 0.975])
        plainly.append(not low <= 0 <= high)
    assert bounded(np.mean(called), 0.06, runs)
    assert np.mean(plainly) > 0.06 + room(0.06, runs)
