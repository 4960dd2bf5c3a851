"""The command line, end to end on small real studies: exit codes, standard output, what is kept."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from butfor.core.predictions import read_predictions
from butfor.core.store import Store

ROOT = Path(__file__).resolve().parents[1]

STUDY = """
study: small
dataset: {name: planted, rows: 200, features: 6, classes: 2, groups: 8}
splits: {folds: 2, by: group, test: official}
seeds: 2
baseline:
  encoder: {name: variational_mlp, width: 8, dropout: 0.1}
  fusion: gated_uncertainty
  losses: {emotion: cross_entropy, valence: mse, kl: {name: kl_prior, weight: 0.01}}
  train: {epochs: 2, batch_size: 64, lr: 5.0e-3, select: weighted_f1 - 0.25 * mse}
ablations:
  components: {leave_one_out: {without kl: {losses.kl: null}}}
  fusions: {one_at_a_time: {fusion: [mean, uncertainty]}}
"""


@pytest.fixture
def butfor(command: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "ablations.yaml").write_text(STUDY)
    return command


def test_run_trains_stores_and_prints_and_a_second_run_trains_nothing(butfor, tmp_path: Path) -> None:
    first = butfor("run", "--executor", "serial")
    assert first.code == 0, first.err
    assert "small: 16 trials to train, 0 already in the store" in first.err
    assert re.search(r"\[16/16\] .*: done, valid weighted_f1 0\.\d{3}", first.err)
    assert "w/o kl" in first.out or "without kl" in first.out
    again = butfor("run", "--executor", "serial")
    assert again.code == 0
    assert "small: 0 trials to train, 16 already in the store" in again.err
    assert again.out == first.out
    with Store.open(tmp_path / "results" / "store.sqlite") as store:
        assert store.studies() == {"small": 16}


def test_predictions_of_every_trial_are_kept_by_row(butfor, tmp_path: Path) -> None:
    butfor("run", "--executor", "serial", "--only", "components", "--seeds", "1")
    plan = json.loads((tmp_path / "results" / "small" / "plan.json").read_text())
    (design,) = (design for design in plan["designs"] if design["name"] == "components")
    cells = {row["cell"] for row in design["rows"]}
    trained = [trial["key"] for trial in plan["trials"] if trial["cell"] in cells]
    assert len(trained) == 4
    for key in trained:
        kept = read_predictions(tmp_path / "results" / "predictions", key)
        assert kept["test/emotion"].shape == (len(kept["test/rows"]), 2)
        assert kept["valid/valence"].shape == kept["valid/rows"].shape


def test_a_changed_study_trains_only_what_is_new(butfor, tmp_path: Path) -> None:
    butfor("run", "--executor", "serial")
    grown = STUDY.replace("[mean, uncertainty]", "[mean, uncertainty, concat]").replace("seeds: 2", "seeds: 3")
    (tmp_path / "ablations.yaml").write_text(grown)
    done = butfor("run", "--executor", "serial")
    assert "small: 14 trials to train, 16 already in the store" in done.err


def test_only_and_seeds_cut_the_study_and_keep_the_keys(butfor) -> None:
    cut = butfor("run", "--executor", "serial", "--only", "fusions", "--seeds", "1")
    assert "small: 6 trials to train" in cut.err
    whole = butfor("run", "--executor", "serial")
    assert "small: 10 trials to train, 6 already in the store" in whole.err


def test_table_prints_what_is_stored_in_every_format(butfor, tmp_path: Path) -> None:
    butfor("run", "--executor", "serial")
    for form, sign in (("markdown", "|"), ("latex", r"\toprule"), ("html", "<table"), ("csv", "cell,"), ("json", '"p')):
        done = butfor("table", "components", "--format", form)
        assert done.code == 0, done.err
        assert done.err == ""
        assert (sign in done.out) or form == "json"
    rows = json.loads(butfor("table", "fusions", "--format", "json").out)
    assert {row["label"] for row in rows} >= {"mean", "uncertainty"}
    assert {"cell", "label", "split", "metric", "mean", "sd", "n", "delta"} <= set(rows[0])
    files = sorted(path.suffix for path in (tmp_path / "results" / "small" / "tables").iterdir())
    assert files.count(".csv") == files.count(".html") == files.count(".md") == 2


def test_the_table_equals_what_pandas_makes_of_the_store(butfor, tmp_path: Path) -> None:
    butfor("run", "--executor", "serial")
    rows = json.loads(butfor("table", "components", "--format", "json").out)
    plan = json.loads((tmp_path / "results" / "small" / "plan.json").read_text())
    with Store.open(tmp_path / "results" / "store.sqlite") as store:
        results = store.load([trial["key"] for trial in plan["trials"]])
    flat = pd.DataFrame([{"cell": r.cell, "b": (r.seed, r.fold), **r.metrics["test"]} for r in results])
    reference = flat[flat["cell"] == plan["baseline"]].set_index("b")
    for row in rows:
        values = flat[flat["cell"] == row["cell"]].set_index("b")[row["metric"]]
        assert row["n"] == 4
        assert row["mean"] == pytest.approx(values.mean())
        assert row["sd"] == pytest.approx(values.std(ddof=1))
        if row["cell"] != plan["baseline"]:
            assert row["delta"] == pytest.approx((values - reference[row["metric"]]).mean())


def test_plan_counts_cells_and_trials_and_trains_nothing(butfor, tmp_path: Path) -> None:
    told = json.loads(butfor("plan", "--json").out)
    assert told["study"] == "small"
    assert told["trials"] == 16
    assert len(told["cells"]) == 4
    assert told["cells"][1]["differs"] == {"losses.kl": None}
    assert "16 still to train" in butfor("plan").out
    assert not (tmp_path / "results").exists()


def test_plugins_lists_what_is_installed_with_fields_and_defaults(butfor) -> None:
    listed = json.loads(butfor("plugins", "--json").out)
    gated = next(entry for entry in listed if entry["name"] == "gated_uncertainty")
    assert gated["kind"] == "fusion"
    assert gated["needs"] == ["variance"]
    assert gated["fields"]["gate_alpha"]["default"] == 0.5
    assert all(field["doc"] for entry in listed for field in entry["fields"].values())
    assert "gate_alpha: 0.5" in butfor("plugins", "fusion", "gated_uncertainty").out
    wrong = butfor("plugins", "fusion", "gated")
    assert wrong.code == 2
    assert "did you mean 'gated_uncertainty'?" in wrong.err


def test_bad_input_is_told_whole_with_positions_and_trains_nothing(butfor, tmp_path: Path) -> None:
    bad = STUDY.replace("gated_uncertainty", "gatd_uncertainty").replace("epochs: 2", "epoch: 2")
    (tmp_path / "ablations.yaml").write_text(bad.replace("name: kl_prior, weight: 0.01", "name: kl_prior, weight: -1"))
    done = butfor("run")
    assert done.code == 2
    assert done.out == ""
    assert "Traceback" not in done.err
    lines = [line for line in done.err.splitlines() if line.startswith("ablations.yaml:")]
    assert [line.partition(" ")[0] for line in lines] == [
        "ablations.yaml:8:11:",
        "ablations.yaml:9:79:",
        "ablations.yaml:10:11:",
    ]
    assert "did you mean 'gated_uncertainty'?" in lines[0]
    assert "did you mean 'epochs'?" in lines[2]
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("fusion: gated_uncertainty", "fusion: {name: proxy_attention, heads: 3}", "3"),
        ("weighted_f1 - 0.25 * mse", "weighted_f2 - 0.25 * mse", "did you mean 'weighted_f1'?"),
        ("valence: mse,", "", "mse"),
        ("by: group", "by: group, seed: x", "splits.seed"),
        (
            "ablations:",
            "tables: [{design: fusions, metrics: [weighted_f2]}]\nablations:",
            "did you mean 'weighted_f1'?",
        ),
        ("ablations:", "tables: [{design: fusions, split: tset}]\nablations:", "did you mean 'test'?"),
        ("lr: 5.0e-3", "lr: 5.0e-3, momentum: 0.5", "read only with `optimizer: sgd`"),
        ("width: 8", "width: 9000000", "cannot be built"),
        ("folds: 2", "folds: 20", "splits"),
        ("emotion: cross_entropy", "emotion: {name: cross_entropy, class_weights: [1, 2, 3]}", "class_weights"),
        ("encoder: {name: variational_mlp", "encoder: {name: variational_lstm", "frames"),
        ("emotion: cross_entropy", "emotion: {name: cross_entropy, task: emotoin}", "did you mean 'emotion'?"),
        ("name: planted, rows: 200", "name: features, path: nothing.npz", "nothing.npz"),
    ],
)
def test_what_only_the_data_or_the_parts_show_is_told_before_training(
    butfor, tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = STUDY.replace(old, new)
    assert text != STUDY
    if "features, path" in new:
        text = re.sub(
            r"dataset: .*", "dataset: {name: features, path: nothing.npz, modalities: {a: a}, task: {emotion: e}}", text
        )
    (tmp_path / "ablations.yaml").write_text(text)
    done = butfor("run", "--executor", "serial")
    assert done.code == 2
    assert told in done.err
    assert re.match(r"ablations\.yaml:\d+:\d+: ", done.err), done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "results").exists()


def test_groups_that_stand_in_two_parts_are_warned_of(butfor, tmp_path: Path) -> None:
    (tmp_path / "ablations.yaml").write_text(STUDY.replace("by: group, test: official", "by: row, test: fold"))
    for command in (("plan",), ("run", "--executor", "serial", "--seeds", "1", "--only", "components")):
        done = butfor(*command)
        assert re.search(r"warning: fold '0': 8 groups in both train and", done.err)


def test_a_part_of_a_study_trains_its_baseline_too(butfor, tmp_path: Path) -> None:
    alone = STUDY + "  alone: {cells: [{label: small, set: {encoder.width: 4}}]}\n"
    (tmp_path / "ablations.yaml").write_text(alone)
    done = butfor("run", "--executor", "serial", "--only", "alone", "--seeds", "1")
    assert "small: 4 trials to train" in done.err
    rows = json.loads(butfor("table", "alone", "--format", "json").out)
    assert all(row["delta"] is not None for row in rows)
    assert len(json.loads(butfor("plan", "--json", "--only", "alone").out)["cells"]) == 2


def test_workers_are_refused_where_there_are_none(butfor) -> None:
    done = butfor("run", "--executor", "serial", "--jobs", "2")
    assert done.code == 2
    assert "--executor serial: it has no such setting, leave --jobs out" in done.err


def test_too_large_a_grid_is_refused_with_its_count(butfor) -> None:
    done = butfor("plan", "--max-trials", "10")
    assert done.code == 2
    assert "16" in done.err
    assert "10" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "absent.yaml"), "absent.yaml: there is no such file"),
        (("table", "components"), "there are no results"),
        (("run", "--only", "component"), "did you mean 'components'?"),
        (("run", "--executor", "locl"), "did you mean 'local'?"),
    ],
)
def test_wrong_arguments_are_told_with_what_would_be_right(butfor, arguments: tuple[str, ...], told: str) -> None:
    done = butfor(*arguments)
    assert done.code == 2
    assert told in done.err


def test_a_damaged_store_ends_with_its_own_exit_code(butfor, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "store.sqlite").write_bytes(b"this is not a database, and long enough to tell" * 99)
    done = butfor("run", "--executor", "serial")
    assert done.code == 3
    assert "store.sqlite" in done.err


RAISES = """
from typing import Literal
from torch import nn
from butfor.core import FusionSpec, hookimpl

class RaisesSpec(FusionSpec):
    '''Raises in forward.'''
    name: Literal["raises"] = "raises"
    def build(self, *, modalities, width):
        return Raises()

class Raises(nn.Module):
    def forward(self, encoded, present):
        raise RuntimeError("on purpose")

@hookimpl
def register_fusions():
    return [RaisesSpec]
"""


def test_a_trial_that_raises_is_a_row_and_costs_no_other(butfor, tmp_path: Path) -> None:
    (tmp_path / "raises.py").write_text(RAISES)
    text = STUDY.replace("study: small", "study: small\nplugins: [./raises.py]")
    (tmp_path / "ablations.yaml").write_text(text.replace("[mean, uncertainty]", "[mean, raises]"))
    done = butfor("run", "--executor", "serial")
    assert done.code == 1
    assert "failed: RuntimeError: on purpose" in done.err
    assert re.search("raises.*\u2013", done.out)
    again = butfor("run", "--executor", "serial")
    assert "small: 0 trials to train" in again.err
    retried = butfor("run", "--executor", "serial", "--retry-failed")
    assert "small: 4 trials to train, 12 already in the store" in retried.err


def signalled(number: signal.Signals, folder: Path) -> tuple[int, str]:
    """Start a long run in `folder`, send it `number` after its third trial, and give its exit code and what it said."""
    long = STUDY.replace("seeds: 2", "seeds: 30").replace("epochs: 2", "epochs: 10")
    (folder / "ablations.yaml").write_text(long)
    process = subprocess.Popen(
        [sys.executable, "-m", "butfor", "run", "--jobs", "2"],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - as on a terminal
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[3/"):
                process.send_signal(number)
                break
        try:
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, told


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_keeps_what_is_finished_and_goes_on_from_there(
    butfor, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    left, told = signalled(number, tmp_path)
    assert left == code
    assert "Traceback" not in told
    with Store.open(tmp_path / "results" / "store.sqlite") as store:
        finished = store.studies()["small"]
    assert 3 <= finished < 240
    assert f"{240 - finished} still to train" in butfor("plan").out


def test_on_a_terminal_there_is_a_bar_and_no_line_for_each_trial(tmp_path: Path) -> None:
    script = shutil.which("script")
    if script is None:
        pytest.skip("needs script(1) to make a terminal")
    (tmp_path / "study.yaml").write_text(STUDY)
    run = f"{sys.executable} -m butfor run study.yaml --only components --seeds 1 --executor serial"
    done = subprocess.run(
        [script, "--quiet", "--return", "--command", run, "/dev/null"],
        capture_output=True, text=True, check=True, cwd=tmp_path, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    assert "4/4" in done.stdout
    assert "[4/4]" not in done.stdout


def test_an_include_may_name_the_study_and_a_design_without_a_table_gets_one(butfor, tmp_path: Path) -> None:
    (tmp_path / "common.yaml").write_text(STUDY + "tables: [{design: components}]\n")
    (tmp_path / "ablations.yaml").write_text("include: common.yaml\n")
    done = butfor("run", "--executor", "serial", "--only", "fusions", "--seeds", "1")
    assert done.code == 0
    assert "uncertainty" in done.out
    assert butfor("table", "fusions").out == done.out


def test_what_cannot_be_written_or_read_is_told_without_a_traceback(butfor, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    done = butfor("run", "--executor", "serial", "--out", "taken")
    assert done.code == 3
    assert "taken" in done.err
    (tmp_path / "ablations.yaml").write_bytes(STUDY.encode() + b"\xff")
    for command in ("run", "plan", "table"):
        told = butfor(command)
        assert told.code == 2
        assert "UTF-8" in told.err or "utf-8" in told.err


def test_the_three_ways_to_start_are_one_command(tmp_path: Path) -> None:
    executable = shutil.which("butfor", path=str(Path(sys.executable).parent))
    assert executable is not None
    for command in ([executable], [sys.executable, "-m", "butfor"], [sys.executable, str(ROOT / "runner.py")]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert re.fullmatch(r"butfor \d\S*\n", done.stdout)


def test_workers_give_the_same_numbers_as_this_process(butfor, tmp_path: Path) -> None:
    here = butfor("run", "--executor", "serial", "--only", "components", "--out", "here")
    command = [sys.executable, str(ROOT / "runner.py"), "run", "--only", "components", "--out", "there", "--jobs", "2"]
    there = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert there.stdout == here.out
