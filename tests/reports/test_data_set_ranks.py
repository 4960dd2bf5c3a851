"""Methods over data sets: Friedman's test on the means over the blocks that all methods have, never over seeds."""

import numpy as np
import pytest
import scikit_posthocs
from scipy import stats

from butfor.core.study.plan import PlannedCell, PlannedDesign, PlannedMetric, PlannedRow, TableSettings
from butfor.reports.data_set_ranks import ranked_over
from butfor.reports.frame import tidy
from butfor.reports.table import tabulate

F1 = (PlannedMetric(name="f1", higher_is_better=True, rate=True),)
METHODS = ("sum", "mean", "max")


@pytest.fixture
def over(make_plan, make_results):
    """A table of three methods on data sets, from `over(scores)`, scores (data sets, methods, seeds)."""

    def build(scores, **settings):
        made = {
            f"{data}-{method}": {(seed, "a"): {"f1": float(value)} for seed, value in enumerate(scores[data, place])}
            for data in range(scores.shape[0])
            for place, method in enumerate(METHODS)
        }
        rows = tuple(
            PlannedRow(cell=cell, label=cell, baseline=not place,
                       levels={"dataset": f"set{cell.split('-')[0]}", "fusion": cell.split("-")[1]})
            for place, cell in enumerate(made)
        )  # fmt: skip
        cells = tuple(
            PlannedCell(key=row.cell, label=row.cell, settings={"dataset": {"name": row.levels["dataset"]}})
            for row in rows
        )
        design = PlannedDesign(name="sets", kind="factorial", factors=("dataset", "fusion"), rows=rows)
        plan = make_plan(made, metrics=F1).model_copy(update={"designs": (design,), "cells": cells})
        return tabulate(tidy(make_results(made), plan), plan, TableSettings(design="sets", **settings))

    return build


def notes_on(table):
    return [note for note in table.notes if note.startswith("Over ")]


def test_a_comparison_over_data_sets_tells_friedmans_p_mean_ranks_and_critical_difference(over):
    scores = np.random.default_rng(1).normal(0.6, 0.1, (6, 3, 4)) + np.array([0.0, 0.01, 0.05])[:, None]
    means = scores.mean(axis=2)
    ranks = stats.rankdata(-means, axis=1).mean(axis=0)
    chi = stats.friedmanchisquare(*means.T).statistic
    p = stats.f.sf(5 * chi / (6 * 2 - chi), 2, 10)
    (note,) = notes_on(over(scores))
    order = np.argsort(ranks)
    told = "; ".join(f"{METHODS[place]} {ranks[place]:.2f}" for place in order)
    said = "<0.001" if p < 0.001 else f"{p:.3f}"
    assert note.startswith(f"Over 6 data sets (never over seeds) F1 has the mean ranks {told}; 1 is best.")
    assert f"Iman and Davenport: p {said}; Nemenyi's critical difference {2.343 * np.sqrt(3 * 4 / 36):.2f}." in note
    apart = abs(ranks[0] - ranks[2]) > 2.343 * np.sqrt(3 * 4 / 36)
    assert apart == (scikit_posthocs.posthoc_nemenyi_friedman(means).iloc[0, 2] <= 0.05)


@pytest.mark.parametrize(("count", "said"), [(2, None), (3, "too few for a p"), (4, "too few for a p")])
def test_few_data_sets_have_ranks_without_p_and_two_have_nothing(over, count, said):
    notes = notes_on(over(np.random.default_rng(2).normal(0.6, 0.05, (count, 3, 2))))
    assert [said in note for note in notes] == ([] if said is None else [True])


def test_a_method_is_not_ranked_first_for_having_lost_the_hard_seed_of_a_data_set():
    hard = {(0, "a"): 0.1, (1, "a"): 0.8}
    one = {"best": hard, "less": {(1, "a"): 0.7}, "last": {(0, "a"): 0.0, (1, "a"): 0.6}}
    found = ranked_over({"x": one, "y": one, "z": one}, higher_is_better=True, alpha=0.05)
    assert found.methods == ("best", "less", "last")
    assert found.ranks.tolist() == [1, 2, 3]


def test_data_sets_with_other_methods_or_without_a_common_block_are_not_ranked():
    one = {"a": {(0, "x"): 0.1}, "b": {(0, "x"): 0.2}, "c": {(0, "x"): 0.3}}
    apart = {**one, "c": {(1, "x"): 0.3}}
    for other in ({"a": one["a"], "b": one["b"]}, apart):
        assert ranked_over({"x": one, "y": other}, higher_is_better=True, alpha=0.05) is None
