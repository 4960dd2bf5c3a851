"""`butfor run --until-settled`: seeds are added where a row is not settled, and the table is corrected for looking."""

import json

import pytest

from butfor.reports.rebuild import read_plan

STUDY = """\
study: looks
dataset: {name: planted, rows: 120, groups: 6}
splits: official
seeds: 1
baseline:
  encoder: {name: variational_mlp, width: 4, dropout: 0.1}
  fusion: uncertainty
  losses: {emotion: cross_entropy, kl: {name: kl_prior, weight: 0.001}}
  train: {epochs: 3, batch_size: 32, lr: 2.0e-2}
ablations:
  swaps: {one_at_a_time: {losses.kl: [null], modalities: [[audio]]}}
tables:
  - design: swaps
    metrics: [weighted_f1]
    statistics: {sequential: {first: 5, step: 2, max_seeds: 9}, margin: 0.1}
"""


@pytest.fixture
def run(command, tmp_path, monkeypatch):
    monkeypatch.delenv("BUTFOR_STORE", raising=False)
    (tmp_path / "ablations.yaml").write_text(STUDY)
    return lambda *more: command("run", "--until-settled", "--executor", "serial", *more)


def seeds_of(tmp_path):
    """{label: seeds} of the plan."""
    plan = read_plan(tmp_path / "ablations.yaml", tmp_path / "results")
    labels = {cell.key: cell.label for cell in plan.cells}
    found = dict.fromkeys(labels.values(), 0)
    for trial in plan.trials:
        found[labels[trial.cell]] += 1
    return found


def test_seeds_are_added_only_where_a_row_is_not_settled_and_a_second_call_trains_nothing(run, command, tmp_path):
    done = run()
    assert done.code == 0, done.err
    rows = {row["label"]: row for row in json.loads(command("table", "--format", "json").out)}
    seeds = seeds_of(tmp_path)
    open_rows = {label for label, row in rows.items() if row["verdict"] == "not settled"}
    assert all(seeds[label] == 9 for label in open_rows)  # what is still open is at the last look
    settled = {label: row for label, row in rows.items() if row["verdict"] not in {None, "not settled"}}
    assert settled, "the study was made so that one row settles early"
    assert min(seeds[label] for label in settled) < 9
    baseline = next(label for label, row in rows.items() if row["verdict"] is None)
    assert seeds[baseline] == max(seeds.values())
    again = run()
    assert "0 trials to train" in again.err
    assert not any(line.startswith("[1/") for line in again.err.splitlines())
    assert (again.out, seeds_of(tmp_path)) == (done.out, seeds)


def test_the_footnote_says_how_looking_was_paid_for_and_p_is_corrected(run, command):
    done = run()
    assert "Seeds were added by results: looks at 5, 7, 9 seeds share alpha equally" in done.out
    assert "Seeds were added by results" in command("table").out


def test_a_plain_run_afterwards_stays_corrected_and_says_so(run, command, tmp_path):
    looked = STUDY.replace("sequential: {first: 5, step: 2, max_seeds: 9}, ", "").replace("seeds: 1", "seeds: 6")
    run()
    (tmp_path / "ablations.yaml").write_text(looked)
    after = command("run", "--executor", "serial")
    assert after.code == 0, after.err
    assert "looks at 5, 6, 7, 9 seeds share alpha equally" in after.out
    assert "swaps: `run --until-settled` looked at these trials and added seeds by results" in after.err
    assert command("table").out == after.out
    (row,) = [one for one in json.loads(command("table", "--format", "json").out) if one["p"] is not None][:1]
    again = command("run", "--executor", "serial", "--quiet")
    assert "looks at 5, 6, 7, 9 seeds" in again.out
    assert "stay corrected" in again.err
    (tmp_path / "results" / "looks" / "plan.json").unlink()
    naive = command("run", "--executor", "serial")
    assert "Seeds were added" not in naive.out
    assert "stay corrected" not in naive.err
    (alone,) = [one for one in json.loads(command("table", "--format", "json").out) if one["label"] == row["label"]]
    assert row["p"] == pytest.approx(min(1.0, 4 * alone["p"]))


def test_trials_of_other_settings_owe_nothing(run, command, tmp_path):
    run()
    fresh = STUDY.replace("sequential: {first: 5, step: 2, max_seeds: 9}, ", "").replace("epochs: 3", "epochs: 2")
    (tmp_path / "ablations.yaml").write_text(fresh.replace("seeds: 1", "seeds: 5"))
    after = command("run", "--executor", "serial", "--quiet")
    assert "Seeds were added" not in after.out
    assert "stay corrected" not in after.err


def test_a_call_that_ended_early_goes_on_where_it_ended(run, command, tmp_path):
    command("run", "--executor", "serial", "--seeds", "2", "--quiet")
    done = run()
    assert "looks: 9 trials to train, 6 already in the store" in done.err
    assert done.code == 0


def test_seeds_cannot_be_given_beside_it_and_something_must_be_tested(run, tmp_path):
    refused = run("--seeds", "3")
    assert (refused.code, "leave --seeds out" in refused.err) == (2, True)
    (tmp_path / "ablations.yaml").write_text(STUDY.replace("statistics: {", "statistics: {test: none, "))
    nothing = run()
    assert (nothing.code, "nothing can settle" in nothing.err) == (2, True)


FEW_FOLDS = STUDY.replace("groups: 6}", "groups: 9}").replace("splits: official", "splits: {folds: 3, by: group}")


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (FEW_FOLDS, "swaps is tested over 3 folds, and below 5 there is no p however many seeds there are"),
        (
            STUDY.replace("first: 5, step: 2, max_seeds: 9}", "first: 5, step: 1, max_seeds: 5}, test: wilcoxon"),
            "signed ranks, which need 6 seeds, and `max_seeds` is 5",
        ),
    ],
)
def test_nothing_is_trained_where_no_number_of_seeds_can_settle_a_row(run, tmp_path, study, said):
    (tmp_path / "ablations.yaml").write_text(study)
    done = run()
    assert (done.code, said in done.err) == (2, True), done.err
    assert not (tmp_path / "results").exists()
