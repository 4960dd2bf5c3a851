"""Works hold the trials of one program, in pieces that keep every worker busy; and they train what they hold."""

from pathlib import Path

import pytest

from butfor import runner
from butfor.core.engine import work as work_module
from butfor.core.engine.bundles import bundle
from butfor.core.engine.work import groups, perform
from butfor.core.study.study import Study

TEXT = """
study: bundles
dataset: {name: planted, rows: 120}
splits: {folds: 2}
seeds: 4
baseline:
  encoder: {name: mlp, width: 8}
  fusion: concat
  losses: {emotion: cross_entropy}
  train: {epochs: 2, batch_size: 16, select: weighted_f1}
ablations:
  rates: {one_at_a_time: {train.lr: [1.0e-2, 1.0e-3]}}
  others: {one_at_a_time: {fusion: [mean]}}
"""


@pytest.fixture(scope="module")
def prepared() -> runner.Prepared:
    return runner.prepare(Study.parse(TEXT, runner.catalogue_with(()), "bundles.yaml"), runner.catalogue_with(()))


def keys(prepared: runner.Prepared) -> list[str]:
    return [trial.key for trial in prepared.trials]


def test_trials_of_one_program_stand_together_whatever_their_rates_seeds_and_folds(prepared: runner.Prepared) -> None:
    works = prepared.work(keys(prepared))
    assert [len(work.trials) for work in works] == [24, 8]
    assert {work.engine for work in works} == {"stack"}
    assert len({work.code for work in works}) == 2


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_every_trial_is_in_one_work_and_no_worker_is_idle_for_want_of_pieces(
    prepared: runner.Prepared, workers: int
) -> None:
    works = prepared.work(keys(prepared), workers)
    assert sorted(trial.key for work in works for trial in work.trials) == sorted(keys(prepared))
    assert len(works) >= min(workers, 8)
    assert all(len(work.trials) >= 2 for work in works)


def test_the_longest_work_comes_first(prepared: runner.Prepared) -> None:
    lengths = [len(work.trials) for work in prepared.work(keys(prepared), 2)]
    assert lengths == sorted(lengths, reverse=True)


MANY = (
    TEXT[: TEXT.index("ablations:")].replace("seeds: 4", "seeds: 16")
    + """ablations:
  parts: {one_at_a_time: {modalities: [[text, audio], [text]]}}
  others: {one_at_a_time: {fusion: [mean, tensor, low_rank]}}
"""
)


@pytest.mark.parametrize(
    ("workers", "sizes"), [(1, [32] * 6), (2, [32] * 4 + [16] * 4), (4, [32] * 2 + [16] * 8), (12, [16] * 12)]
)
def test_programs_are_divided_only_where_workers_would_be_idle_at_the_end(workers: int, sizes: list[int]) -> None:
    catalogue = runner.catalogue_with(())
    many = runner.prepare(Study.parse(MANY, catalogue, "many.yaml"), catalogue)
    works = many.work(keys(many), workers)
    assert [len(work.trials) for work in works] == sizes
    assert sorted(trial.key for work in works for trial in work.trials) == sorted(keys(many))
    parts = [len(work.trials[0].settings["modalities"]) for work in works]
    assert parts[0] == max(parts)
    assert parts[-1] == min(parts)


def test_as_few_programs_as_workers_are_divided_among_them() -> None:
    catalogue = runner.catalogue_with(())
    two = runner.prepare(Study.parse(MANY.replace("tensor, low_rank", ""), catalogue, "two.yaml"), catalogue)
    chosen = [trial.key for trial in two.trials if len(trial.cell.settings.modalities) == 3]
    assert [len(work.trials) for work in two.work(chosen, 2)] == [16] * 4


def test_one_at_a_time_is_a_work_each(prepared: runner.Prepared) -> None:
    works = bundle(prepared.trials, "one", prepared.batch_sizes, workers=2)
    assert [len(work.trials) for work in works] == [1] * len(prepared.trials)
    assert {work.engine for work in works} == {"one"}


def test_batches_of_another_size_make_another_stack(prepared: runner.Prepared) -> None:
    sizes = {key: 16 if number % 2 else 12 for number, key in enumerate(keys(prepared))}
    assert len(bundle(prepared.trials, "stack", sizes)) == 4


def test_the_engine_is_part_of_a_trials_identity() -> None:
    study, catalogue = Study.parse(TEXT, runner.catalogue_with(()), "bundles.yaml"), runner.catalogue_with(())
    one, stack = (runner.prepare(study, catalogue, engine=engine) for engine in ("one", "stack"))
    assert not set(keys(one)) & set(keys(stack))


def test_what_a_component_or_the_probe_refuses_is_trained_one_at_a_time_and_says_why(
    prepared: runner.Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = prepared.work(keys(prepared))[1]
    catalogue = runner.catalogue_with(())
    assert [group.engine for group in groups(work, catalogue, runner._shelf)] == ["stack"]
    assert {r.provenance["engine"] for r in perform(work, catalogue, runner._shelf)} == {"stack"}
    monkeypatch.setattr(work_module, "why_not_stacked", lambda *_: "the probe says so")
    results = list(perform(work, catalogue, runner._shelf))
    assert {(r.provenance["engine"], r.provenance["not_stacked"]) for r in results} == {("one", "the probe says so")}
    assert runner.stacks(prepared, keys(prepared))[0]["reason"] == "the probe says so"


def test_plan_says_how_trials_are_trained(prepared: runner.Prepared, tmp_path: Path) -> None:
    told = runner.stacks(prepared, keys(prepared))
    assert [(stack["trials"], stack["engine"], stack["reason"]) for stack in told] == [
        (24, "stack", ""),
        (8, "stack", ""),
    ]
    assert [len(stack["cells"]) for stack in told] == [3, 1]


SMALL = """
study: small
dataset: {name: planted, rows: 120}
seeds: 3
baseline:
  encoder: {name: variational_mlp, width: 8}
  fusion: concat
  losses: {emotion: cross_entropy, valence: mse, kl: {name: kl_prior, weight: 0.1}}
  train: {epochs: 2, batch_size: 16, select: weighted_f1}
ablations:
  terms: {leave_one_out: [losses.valence, losses.kl]}
  parts: {one_at_a_time: {modalities: [[text, audio], [text, video], [audio, video]]}}
  others: {one_at_a_time: {fusion: [mean]}}
"""


def test_small_groups_share_a_program_where_that_changes_no_bit_and_are_parted_again_where_it_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalogue = runner.catalogue_with(())
    small = runner.prepare(Study.parse(SMALL, catalogue, "small.yaml"), catalogue)
    told = runner.stacks(small, keys(small))
    assert [(stack["trials"], len(stack["cells"])) for stack in told] == [(9, 3), (3, 1), (3, 1), (3, 1), (3, 1)]
    (work,) = (work for work in small.work(keys(small)) if len(work.trials) > 9)
    results = {result.key: result for result in perform(work, catalogue, runner._shelf)}
    assert len(results) == len(work.trials)
    monkeypatch.setattr(work_module, "why_not_together", lambda *_: "the probe says so")
    assert [stack["trials"] for stack in runner.stacks(small, keys(small))] == [3] * 7
    for apart in perform(work, catalogue, runner._shelf):
        assert repr(apart.curve) == repr(results[apart.key].curve)
        assert apart.metrics == results[apart.key].metrics


def test_a_work_cut_into_single_trials_keeps_its_engine(prepared: runner.Prepared) -> None:
    work = prepared.work(keys(prepared))[1]
    singles = work.one_at_a_time({trial.key for trial in work.trials[:3]})
    assert [single.trials for single in singles] == [(trial,) for trial in work.trials[:3]]
    assert {(single.engine, single.code) for single in singles} == {(work.engine, work.code)}
