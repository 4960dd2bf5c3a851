"""How systems were compared: what the tests of a table could have detected."""

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower

from butfor.core.study.plan import TableSettings
from butfor.reports.material import material_of
from butfor.reports.page.compared import how_compared

RNG = np.random.default_rng(5)


@pytest.fixture
def detectable(make_plan, make_results):
    """The last field of a table of runs that nothing pairs."""

    def act(test, sizes):
        made = {
            cell: {(seed, "a"): {"weighted_f1": float(value)} for seed, value in enumerate(RNG.normal(0.8, 0.02, size))}
            for cell, size in sizes.items()
        }
        statistics = {"test": test, "correction": "none"}
        table = TableSettings.model_validate(
            {"design": "parts", "decimals": 6, "metrics": ["weighted_f1"], "statistics": statistics}
        )
        plan = make_plan(made).model_copy(update={"paired": False, "tables": (table,)})
        spreads = [
            np.var([found["weighted_f1"] for found in made[cell].values()], ddof=1) for cell in made if sizes[cell] > 1
        ]
        return how_compared(material_of(plan, make_results(made)))[0].rows[0][-1], spreads

    return act


def test_groups_of_runs_with_one_spread_have_a_detectable_difference(detectable):
    shown, spreads = detectable("pooled_t", {"full": 5, "less": 5})
    size = TTestIndPower().solve_power(nobs1=5, ratio=1, alpha=0.05, power=0.8)
    assert float(shown.rpartition(" ")[2]) == pytest.approx(size * np.sqrt(np.mean(spreads)), abs=2e-6)


def test_it_is_what_the_row_with_the_fewest_runs_would_show(detectable):
    few, spreads = detectable("pooled_t", {"full": 6, "less": 6, "once": 1})
    size = TTestIndPower().power(2.0, 6, 0.05, ratio=1 / 6)
    shown = float(few.rpartition(" ")[2]) / np.sqrt(np.mean(spreads))
    assert shown > 2.0 > TTestIndPower().solve_power(nobs1=6, ratio=1, alpha=0.05, power=0.8)
    assert size < 0.8


def test_welch_has_one_from_five_runs_of_each_on_and_none_below(detectable):
    shown, spreads = detectable("welch", {"full": 5, "less": 5})
    size = TTestIndPower().solve_power(nobs1=5, ratio=1, alpha=0.05, power=0.8)
    assert float(shown.rpartition(" ")[2]) == pytest.approx(size * np.sqrt(np.mean(spreads)), abs=2e-6)
    assert detectable("welch", {"full": 5, "less": 4})[0] == "–"
