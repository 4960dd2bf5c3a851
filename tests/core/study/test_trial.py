"""Trials: every cell with every seed on every fold, each with the hash of all that decides its numbers."""

import pytest

from butfor.core.study.plan import PlannedMetric
from butfor.core.study.trial import expand, plugin_digests, plugins_used


@pytest.fixture
def study(parse):
    return parse("c: {leave_one_out: [losses.kl]}")


def folds_of(study, **folds):
    return {cell.data_key: folds or {"0": "rows0", "1": "rows1"} for cell in study.cells}


def test_every_cell_is_trained_with_every_seed_on_every_fold(study):
    trials = expand(study, folds_of(study), lambda cell: {"data": "d"})
    assert [(t.cell.label, t.seed, t.fold) for t in trials] == [
        (label, seed, fold) for label in ("baseline", "w/o kl") for seed in (0, 1) for fold in ("0", "1")
    ]
    assert len({trial.key for trial in trials}) == 8


def test_the_key_follows_everything_that_decides_the_numbers_and_nothing_else(study, parse):
    def first(study, data="d", **folds):
        return expand(study, folds_of(study, **folds), lambda cell: {"data": data})[0].key

    same = first(study)
    assert same == first(parse("other: {subsets: all}"))
    assert same != first(study, data="e")
    assert same != first(study, **{"0": "other rows"})
    assert same != first(study, a="rows0")
    assert first(study, **{"0": "rows0", "x": "y"}) == same


def test_cells_on_other_data_get_their_own_folds(parse):
    study = parse("c: {cells: [{set: {splits.folds: 2}}]}")
    folds = {study.cells[0].data_key: {"0": "a", "1": "b"}, study.cells[1].data_key: {"0": "c"}}
    assert len(expand(study, folds, lambda cell: {})) == 2 * 2 + 2 * 1


def test_plugins_inside_others_are_used_too(study, catalogue):
    assert plugins_used(study.baseline) == (
        ("dataset", "toy"), ("encoder", "vmlp"), ("fusion", "gated"), ("fusion", "proxy"),
        ("loss", "ce"), ("loss", "kl"), ("loss", "nce"),
    )  # fmt: skip
    assert plugin_digests(study.cells[1], catalogue) == {
        "dataset:toy": "digest of toy", "encoder:vmlp": "digest of vmlp", "fusion:gated": "digest of gated",
        "fusion:proxy": "digest of proxy", "loss:ce": "digest of ce", "loss:nce": "digest of nce",
    }  # fmt: skip


def test_the_plan_lists_trials_and_metrics(study):
    trials = expand(study, folds_of(study), lambda cell: {})
    metric = PlannedMetric(name="accuracy", higher_is_better=True, rate=True)
    plan = study.plan(trials, [metric])
    assert [trial.key for trial in plan.trials] == [trial.key for trial in trials]
    assert {trial.cell for trial in plan.trials} == {cell.key for cell in plan.cells}
    assert plan.metrics == (metric,)
