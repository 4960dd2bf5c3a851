"""`butfor import`: runs of others become a study with the same statistics; all that is wrong is said at once."""

import builtins
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from butfor.reports import rebuild

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT.parent / "shared" / "data" / "mer2023_recorded_runs.csv"
EXAMPLE = ROOT / "examples" / "imported" / "recorded_runs.yaml"
needs_recorded = pytest.mark.skipif(not RECORDED.exists(), reason="shared/data/mer2023_recorded_runs.csv is not here")

MAPPING = """\
study: elsewhere
runs: runs.csv
settings: {gate: use_gate}
seed: seed
metrics: {weighted_f1: acc}
baseline: {gate: true}
"""
RNG = np.random.default_rng(3)
FULL = [round(float(value), 4) for value in 0.80 + RNG.normal(0, 0.02, 6)]
LESS = [round(value - 0.03 + float(noise), 4) for value, noise in zip(FULL, RNG.normal(0, 0.004, 6), strict=True)]


def csv_of(header="use_gate,seed,acc", seeds=range(6)):
    lines = [header]
    for seed, one, other in zip(seeds, FULL, LESS, strict=True):
        lines += [f"True,{seed},{one}", f"False,{seed},{other}"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def take(command, tmp_path, monkeypatch):
    """Write a mapping and runs, import them, and give what was said and the rows of the first table."""
    monkeypatch.delenv("BUTFOR_STORE", raising=False)

    def act(mapping=MAPPING, runs=None, name="runs.csv"):
        (tmp_path / "map.yaml").write_text(mapping)
        (tmp_path / name).write_text(csv_of() if runs is None else runs)
        done = command("import", "map.yaml")
        rows = []
        if done.code == 0:
            said = command("table", "--file", "map.yaml", "--format", "json")
            rows = json.loads(said.out)
        return done, {(row["label"], row["metric"], row["split"]): row for row in rows}

    return act


def test_runs_with_seeds_are_paired_as_if_they_had_been_trained_here(take):
    done, rows = take()
    assert "12 runs of runs.csv, 2 systems, 12 of 12 trials new" in done.err
    row = rows["false", "weighted_f1", "test"]
    oracle = stats.ttest_rel(LESS, FULL)
    assert row["p"] == pytest.approx(oracle.pvalue, rel=1e-9)
    assert row["delta"] == pytest.approx(np.mean(np.subtract(LESS, FULL)))
    assert (row["pairs"], row["verdict"]) == (6, "worse")


def test_runs_without_seeds_are_numbered_compared_by_welch_and_the_table_says_what_cannot_be_concluded(take):
    done, rows = take(MAPPING.replace("seed: seed\n", "ignore: [seed]\n"))
    row = rows["false", "weighted_f1", "test"]
    assert row["p"] == pytest.approx(stats.ttest_ind(LESS, FULL, equal_var=False).pvalue, rel=1e-9)
    assert (row["n"], row["pairs"], row["wins"]) == (6, 0, None)
    assert "no paired test is possible" in done.out
    assert "Welch's t" in done.out
    assert "paired by seed" not in done.out
    assert "epoch that validation selected" not in done.out


def test_runs_that_stand_in_no_table_are_counted_and_kept_in_the_plan(take, tmp_path):
    designs = "designs: {few: {where: {seed: [0, 1]}}, more: {where: {seed: [1, 2, 3]}}}\n"
    done, _ = take(MAPPING + "where: {seed: [0, 1, 2, 3, 4]}\n" + designs)
    assert "elsewhere: 10 of 12 runs of runs.csv, 4 systems, 10 of 10 trials new" in done.err
    assert "8 runs stand in tables, 2 in none; a run in rows of several designs is a trial of each" in done.err
    counts = rebuild.read_plan(tmp_path / "map.yaml", tmp_path / "results").run_counts
    assert (counts.file, counts.taken, counts.shown) == (12, 10, 8)
    only, _ = take(MAPPING + designs + "tables: [{design: few}]\n")
    assert "12 runs of runs.csv, 4 systems" in only.err
    assert "4 runs stand in tables, 8 in none\n" in only.err
    every, _ = take()
    assert "every one stands in a table\n" in every.err


def test_runs_of_a_long_file_are_counted_once_however_many_lines_they_have(take, tmp_path):
    runs = "use_gate,seed,metric,value\n" + "".join(
        f"{gate},{seed},{metric},{0.5 + seed / 10}\n"
        for gate in (True, False)
        for seed in range(3)
        for metric in ("weighted_f1", "accuracy")
    )
    mapping = MAPPING.replace("metrics: {weighted_f1: acc}", "long: {}\nwhere: {seed: [0, 1], metric: accuracy}")
    done, _ = take(mapping, runs)
    assert "4 of 6 runs of runs.csv" in done.err


def test_a_paired_test_of_runs_without_seeds_is_refused(take):
    tables = "tables: [{design: runs, statistics: {test: paired_t}}]\n"
    done, _ = take(MAPPING.replace("seed: seed\n", "") + tables)
    assert done.code == 2
    assert "map.yaml:6:44: tables.0.statistics.test: `paired_t` needs runs that a seed or fold pairs" in done.err
    assert "`welch` or `pooled_t`" in done.err


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("tables: [{design: runs, metrics: [xx]}]", "map.yaml:7:35: tables.0.metrics.0: unknown metric 'xx'"),
        ("tables: [{design: runs, layout: robustness}]", "map.yaml:7:33: tables.0.layout: layout 'robustness' needs"),
        ("tables: [{design: runs, layout: factorial}]", "map.yaml:7:33: tables.0.layout: layout 'factorial' needs two"),
        ("tables: [{design: runs, layout: sweep}]", "map.yaml:7:33: tables.0.layout: layout 'sweep' needs a setting"),
        (
            "tables: [{design: runs, reference: [{label: a, values: {weighted_f1: 81}, source: b}]}]",
            "map.yaml:7:70: tables.0.reference.0.values.weighted_f1: 'weighted_f1' is a rate from 0 to 1",
        ),
        (
            "tables: [{design: runs, reference: [{label: a, values: {weighted_f1: 0.8}, source: b, split: dev}]}]",
            "tables.0.reference.0.split: 'a' is of the split 'dev'",
        ),
        (
            "claims: [{says: x, design: runs, metric: weighted_f1, better: 'true', than: ['false', 'true']}]",
            "map.yaml:7:77: claims.0.than: 'true' is said to be better than itself",
        ),
        ("reported: [{says: x, numbers: {}}]", "map.yaml:7:31: reported.0.numbers: no number is there"),
        (
            "reported: [{says: x, numbers: {tset: {weighted_f1: 0.3}}}]",
            "map.yaml:7:38: reported.0.numbers.tset: unknown part of the data 'tset'; did you mean 'test'?",
        ),
        (
            "reported: [{says: x, numbers: {test: {f1: 0.3}}}]",
            "map.yaml:7:43: reported.0.numbers.test.f1: unknown metric 'f1'",
        ),
    ],
)
def test_what_a_mapping_asks_and_no_run_can_answer_is_refused_before_anything_is_written(take, tmp_path, ending, said):
    done, _ = take(f"{MAPPING}{ending}\n")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (tmp_path / "results").exists()


def test_a_claim_about_a_design_with_one_row_is_refused(take):
    claim = "claims: [{says: x, design: one, metric: weighted_f1, better: baseline}]\n"
    done, _ = take(MAPPING + "designs: {one: {where: {gate: true}}}\n" + claim)
    assert "claims.0.better: 'one' has no other row" in done.err


@pytest.mark.parametrize("seed", ["99999999999999999999999", str(2**63), str(-(2**63) - 1), "9" * 5000])
def test_a_seed_beyond_64_bits_is_refused_with_its_place_and_nothing_is_written(take, tmp_path, seed):
    done, _ = take(runs=csv_of().replace("True,1,", f"True,{seed},"))
    assert done.code == 2
    assert (
        f"runs.csv:4:6: seed: expected a seed, a whole number{' of at most 64 bits' * (len(seed) < 300)}, " in done.err
    )
    assert not (tmp_path / "results").exists()
    records = f'[{{"use_gate": true, "seed": 0, "acc": 0.4}}, {{"use_gate": true, "seed": {seed}, "acc": 0.4}}]'
    wrong, _ = take(MAPPING.replace("runs.csv", "runs.json"), records, "runs.json")
    assert wrong.code == 2
    assert "runs.json:1:1: seed: run 2: expected a seed, a whole number" in wrong.err
    assert len(wrong.err) < 300


def test_the_largest_and_smallest_seed_of_64_bits_are_kept(take, tmp_path):
    runs = csv_of().replace("True,1,", f"True,{2**63 - 1},").replace("False,1,", f"False,{2**63 - 1},")
    done, rows = take(runs=runs.replace("True,0,", f"True,{-(2**63)},").replace("False,0,", f"False,{-(2**63)},"))
    assert done.code == 0
    assert rows["false", "weighted_f1", "test"]["pairs"] == 6


def test_a_number_that_is_not_finite_is_refused_whether_a_metric_or_a_setting(take, tmp_path):
    done, _ = take(runs=csv_of().replace(f"True,4,{FULL[4]}", "True,4,1e400"))
    assert done.code == 2
    assert "runs.csv:10:8: acc: expected a number, got inf, which is no finite one; leave the field empty" in done.err
    for number in ("1e999", "Infinity", "1" + "0" * 299 + "0" * 10):
        records = f'[{{"use_gate": true, "seed": 0, "acc": {number}}}]'
        wrong, _ = take(MAPPING.replace("runs.csv", "runs.json"), records, "runs.json")
        assert wrong.code == 2
        assert "runs.json:1:1: acc: run 1: expected a number" in wrong.err
    setting, _ = take(runs=csv_of().replace("True,4,", "-1e400,4,"))
    assert "runs.csv:10:1: use_gate: expected a setting, got -inf, which is no finite number" in setting.err


def test_what_is_wrong_with_a_run_of_json_says_which_run(take):
    mapping = MAPPING.replace("runs.csv", "runs.json")
    rows = [{"use_gate": gate, "seed": seed, "acc": 0.8} for gate in (True, False) for seed in (0, 1)]
    for change, said in (
        (("acc", 80), "acc: run 3: weighted_f1 is a rate, and 80 is not between 0 and 1"),
        (("acc", "high"), "acc: run 3: expected a number, got 'high'"),
        (("acc", [1]), "acc: run 3: is a list; expected a number, a word or true"),
        (("seed", 1), "seed: run 4: run 3 has these settings and seed 1 too"),
    ):
        wrong = [row | {change[0]: change[1]} if place == 2 else row for place, row in enumerate(rows)]
        done, _ = take(mapping, json.dumps(wrong), "runs.json")
        assert f"runs.json:1:1: {said}" in done.err
    text = json.dumps(rows)
    cut, _ = take(mapping, text[: text.rindex("{") + 5], "runs.json")
    assert "run 4 is no JSON" in cut.err
    odd, _ = take(mapping, text[:-1] + ", 7]", "runs.json")
    assert "runs.json:1:1: run 5: is no run: expected {column: value}" in odd.err
    deep, _ = take(mapping, "[" + '{"a":' * 100_000, "runs.json")
    assert (deep.code, "runs.json: is nested too deeply for a file of runs" in deep.err) == (2, True)
    reported = "reported: [{says: row A, numbers: {test: {weighted_f1: 0.8}}}]\n"
    found, _ = take(mapping + reported, text, "runs.json")
    assert "these are the numbers of one run (run 1)" in found.out


def test_what_is_wrong_with_a_run_of_parquet_says_which_run(take, tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"use_gate": [True, False], "seed": [0, 0], "acc": [0.8, 80.0]})
    frame.to_parquet(tmp_path / "runs.parquet")
    (tmp_path / "map.yaml").write_text(MAPPING.replace("runs.csv", "runs.parquet"))
    from butfor.core.errors import StudyError
    from butfor.reports.imported.study import read_imported

    with pytest.raises(StudyError, match="acc: run 2: weighted_f1 is a rate, and 80 is not between 0 and 1"):
        read_imported(tmp_path / "map.yaml")


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_key_that_a_run_has_twice_is_refused(take, form):
    mapping, name = MAPPING.replace("runs.csv", f"runs.{form}"), f"runs.{form}"
    run = '{"use_gate": true, "seed": 0, "acc": 0.4, "acc": 0.9}'
    done, _ = take(mapping, f"[{run}]" if form == "json" else run, name)
    assert done.code == 2
    assert f"runs.{form}:1:1: {'run 1: ' * (form == 'json')}'acc' is there more than once" in done.err
    flat = '{"config.gate": true, "config": {"gate": false}, "seed": 0, "acc": 0.4}'
    again, _ = take(mapping.replace("use_gate", "config.gate"), f"[{flat}]" if form == "json" else flat, name)
    assert "'config.gate' is there more than once" in again.err


def test_numbers_of_two_conventions_are_refused_in_one_column(take):
    mapping = MAPPING.replace("acc}", "{columns: {test: acc}, percent: true}}") + "data_set: data\n"
    lines = ["use_gate,seed,acc,data"]
    lines += [
        f"{g},{s},{(80 + s) * (1 if d == 'a' else 0.01)},{d}" for d in "ab" for g in (True, False) for s in (0, 1)
    ]
    done, _ = take(mapping, "\n".join(lines))
    assert done.code == 2
    told = "map.yaml:5:56: metrics.weighted_f1.percent: in percent, but on b test no weighted_f1 is above 1"
    assert told in done.err
    fraction, _ = take(mapping.replace("percent: true", "percent: false"), "\n".join(lines))
    assert "runs.csv:2:8: acc: weighted_f1 is a rate, and 80 is not between 0 and 1" in fraction.err
    turned, _ = take(MAPPING.replace("acc}", "{columns: {test: acc}, higher_is_better: false}}"))
    assert "metrics.weighted_f1.higher_is_better: butfor's own 'weighted_f1' is better higher" in turned.err
    twice, _ = take(MAPPING.replace("acc}", "acc, weighted_f1: {columns: {test: acc}, rate: false}}"))
    assert "'weighted_f1' stands here twice" in twice.err


def test_an_archive_that_was_cut_off_is_called_so(take, command, tmp_path):
    take()
    assert command("export", "map.yaml", "--archive", "a.zip").code == 0
    whole = (tmp_path / "a.zip").read_bytes()
    for content in (whole[: len(whole) // 2], whole[:4], b""):
        (tmp_path / "cut.zip").write_bytes(content)
        done = command("import", "cut.zip", "--out", "copy")
        assert done.code == 2
        assert "cut.zip: is no archive of a study, or was cut off on its way" in done.err
    assert not (tmp_path / "copy").exists()
    asked = command("import", "a.zip", "--mapping", "map.yaml")
    assert "is an archive, which says itself what it holds: leave --mapping out" in asked.err


def test_a_second_import_changes_nothing_and_a_changed_number_is_a_new_run(take):
    take()
    again, _ = take()
    assert "0 of 12 trials new" in again.err
    changed, rows = take(runs=csv_of().replace(f"True,0,{FULL[0]}", "True,0,0.5"))
    assert "12 of 12 trials new" not in changed.err
    assert rows["true", "weighted_f1", "test"]["mean"] == pytest.approx(np.mean([0.5, *FULL[1:]]))


def test_every_problem_of_mapping_and_file_is_told_at_once_with_line_and_column(take):
    mapping = (
        MAPPING.replace("seed: seed", "seed: sead").replace("acc}", "acc, f1: ac}")
        + "claims: [{says: x, design: run, metric: weighted_f1, better: baseline}]\n"
    )
    runs = csv_of().replace(f"False,2,{LESS[2]}", "False,2,high").replace(f"True,4,{FULL[4]}", "True,4")
    done, _ = take(mapping, runs)
    assert done.code == 2
    assert "map.yaml:4:7: seed: unknown column 'sead'; did you mean 'seed'?" in done.err
    assert "unknown column 'ac'; did you mean 'acc'?" in done.err
    assert "runs.csv:7:9: acc: expected a number, got 'high'" in done.err
    assert "runs.csv:10:1: has 2 fields, and the first line names 3 columns" in done.err
    assert "claims.0.design: unknown design 'run'; did you mean 'runs'?" in done.err
    assert "whether more of 'f1' is better cannot be known" in done.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("metrics:", "metricz:"), "map.yaml:5:1: metricz: unknown setting; did you mean 'metrics'?"),
        (("gate: true", "gate: maybe"), "no row of 'runs' has gate=maybe"),
        (("baseline: {gate: true}", "baseline: 'True'"), "unknown row of 'runs' 'True'; did you mean 'true'?"),
        (("baseline: {gate: true}\n", ""), "`baseline` is missing"),
        (("study: elsewhere", "study: a/b"), "map.yaml:1:8: study: 'a/b' must begin with a letter"),
        (("runs: runs.csv", "runs: none.csv"), "none.csv: cannot be read: No such file"),
        (("runs: runs.csv", "runs: runs.xlsx"), "its name must end in .csv, .tsv, .json, .jsonl, .parquet"),
        (("seed: seed", "seed: acc"), "expected a seed, a whole number"),
        (("seed: seed", "seed: seed\nwhere: {use_gate: 3}"), "no line of the file has these values"),
        (("runs: runs.csv\n", ""), "`runs` is missing"),
        (("seed: seed", "paired: true"), "runs can be paired only by a `seed` or `fold` column"),
    ],
)
def test_a_mapping_that_is_wrong_says_where_and_what_would_be_right(take, change, said):
    done, _ = take(MAPPING.replace(*change))
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_two_runs_with_equal_settings_and_seed_are_refused(take):
    done, _ = take(runs=csv_of(seeds=[0, 1, 2, 3, 4, 4]))
    assert done.code == 2
    assert "runs.csv:12:6: seed: line 10 has these settings and seed 4 too" in done.err


def test_a_rate_in_percent_is_refused_and_read_where_the_mapping_says_so(take):
    runs = csv_of().replace("0.", "")  # 0.8123 becomes 8123
    done, _ = take(runs=runs)
    assert "weighted_f1 is a rate, and" in done.err
    percent = "use_gate,seed,acc\n" + "".join(
        f"{g},{s},{80 + s + 2 * (g == 'True')}\n" for g in ("True", "False") for s in range(5)
    )
    _, rows = take(MAPPING.replace("acc}", "{columns: {test: acc}, percent: true}}"), percent)
    assert rows["true", "weighted_f1", "test"]["mean"] == pytest.approx(0.84)


def test_failed_runs_are_counted_and_never_averaged(take):
    lines = ["use_gate,seed,acc,how"]
    lines += [f"{gate},{seed},{0.8 if gate else 0.7},finished" for gate in (True, False) for seed in range(5)]
    lines += ["False,5,,crashed", "True,5,0.9,finished"]
    done, rows = take(MAPPING + "state: how\n", "\n".join(lines))
    assert rows["false", "weighted_f1", "test"]["n"] == 5
    assert "Left out of every mean: 1 failed (false)" in done.out
    wrong, _ = take(MAPPING + "state: how\n", "\n".join(lines).replace("crashed", "crashd"))
    assert "unknown state 'crashd'; did you mean 'crashed'?" in wrong.err


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet", "tsv"])
def test_every_form_of_file_gives_the_same_table(take, tmp_path, form):
    _, expected = take()
    frame = pd.DataFrame({"use_gate": [True, False] * 6, "seed": [s for s in range(6) for _ in "ab"]})
    frame["acc"] = [value for pair in zip(FULL, LESS, strict=True) for value in pair]
    mapping, name = MAPPING.replace("runs.csv", f"runs.{form}"), f"runs.{form}"
    if form == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(tmp_path / name)
        (tmp_path / "map.yaml").write_text(mapping)
        text = None
    elif form == "tsv":
        text = frame.to_csv(index=False, sep="\t")
    else:
        text = frame.to_json(orient="records", lines=form == "jsonl")
    if text is not None:
        _, found = take(mapping, text, name)
    else:
        from butfor.reports.imported.study import read_imported

        imported = read_imported(tmp_path / "map.yaml")
        assert sorted(one.metrics["test"]["weighted_f1"] for one in imported.results) == sorted([*FULL, *LESS])
        return
    means = {key: row["mean"] for key, row in expected.items()}
    assert {key: row["mean"] for key, row in found.items()} == means


def test_parquet_without_pyarrow_says_what_to_install(take, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **named):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    done, _ = take(MAPPING.replace("runs.csv", "runs.parquet"), "", "runs.parquet")
    assert done.code == 2
    assert "pip install 'butfor[parquet]'" in done.err


def test_nested_json_is_flattened_and_cut_json_is_refused(take):
    records = [
        {"config": {"gate": gate}, "seed": seed, "acc": 0.7 + seed / 100} for gate in (True, False) for seed in range(5)
    ]
    mapping = MAPPING.replace("runs.csv", "runs.json").replace("use_gate", "config.gate")
    _, rows = take(mapping, json.dumps(records), "runs.json")
    assert rows["true", "weighted_f1", "test"]["n"] == 5
    cut, _ = take(mapping, json.dumps(records)[:-1], "runs.json")
    assert (cut.code, "ends within its list" in cut.err) == (2, True)


def test_a_long_file_and_our_own_export_are_read_again_to_the_same_table(take, command, tmp_path):
    _, expected = take()
    done = command("export", "map.yaml", "--to", "long.csv")
    assert done.code == 0
    mapping = (
        "study: again\nruns: long.csv\nsettings: {gate: set.gate}\nseed: seed\nlabel: label\n"
        "long: {split: split}\nbaseline: {gate: true}\n"
    )
    (tmp_path / "again.yaml").write_text(mapping)
    assert command("import", "again.yaml").code == 0
    rows = json.loads(command("table", "--file", "again.yaml", "--format", "json").out)
    same = ("label", "mean", "sd", "n", "delta", "p", "verdict")
    assert [[row[name] for name in same] for row in rows] == [[row[name] for name in same] for row in expected.values()]


def test_each_data_set_has_rows_and_a_baseline_of_its_own(take):
    lines = ["use_gate,seed,acc,data"]
    lines += [
        f"{g},{s},{0.7 + 0.01 * s + 0.05 * g + 0.1 * (d == 'b')},{d}"
        for d in "ab"
        for g in (True, False)
        for s in range(5)
    ]
    done, rows = take(MAPPING + "data_set: data\n", "\n".join(lines))
    assert "4 systems" in done.err
    assert "Runs a:" in done.out
    assert "Runs b:" in done.out
    assert len(rows) == 2  # equal labels on two data sets
    wanted = command_means(done.out)
    assert wanted == [0.770, 0.720, 0.870, 0.820]


def command_means(text):
    return [
        float(line.split("|")[2].split("±")[0].strip(" *_"))
        for line in text.splitlines()
        if line.startswith(("| true", "| false"))
    ]


def test_claims_are_held_against_the_runs(take):
    claims = """claims:
  - {says: the gate helps, design: runs, metric: weighted_f1, better: 'true', than: 'false'}
  - {says: the gate hurts, design: runs, metric: weighted_f1, better: {gate: false}}
reported: [{says: row A, numbers: {test: {weighted_f1: FIRST}}}, {says: row B, numbers: {test: {weighted_f1: 0.9999}}}]
""".replace("FIRST", str(FULL[0]))
    done, _ = take(MAPPING + claims)
    assert "“the gate helps”: stands" in done.out
    assert "“the gate hurts”: contradicted" in done.out
    assert f"true (6 runs, {min(FULL):.4f} to {max(FULL):.4f})" in done.out
    assert "these are the numbers of one run (line 2)" in done.out
    assert "weighted_f1 0.9999 on test is of no run" in done.out
    assert "claims: 1 stands, 1 contradicted" in done.err


def test_runs_without_a_mapping_are_told_what_columns_there_are(command, tmp_path):
    (tmp_path / "runs.csv").write_text(csv_of())
    done = command("import", "runs.csv")
    assert done.code == 2
    assert "--mapping; it has the columns use_gate, seed, acc" in done.err
    (tmp_path / "map.yaml").write_text(MAPPING.replace("runs: runs.csv\n", ""))
    assert command("import", "runs.csv", "--mapping", "map.yaml", "--quiet").out == ""


def test_importing_needs_no_torch(tmp_path):
    (tmp_path / "map.yaml").write_text(MAPPING)
    (tmp_path / "runs.csv").write_text(csv_of())
    code = (
        "from butfor.cli import app\n"
        "app(['import', 'map.yaml', '--quiet'], standalone_mode=False)\n"
        "app(['export', 'map.yaml', '--to', 'n.csv'], standalone_mode=False)\n"
        "import sys; assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "n.csv").read_text().count("weighted_f1") == 12


@needs_recorded
def test_of_the_recorded_runs_no_conclusion_stands_and_one_is_contradicted(command, tmp_path):
    done = command("import", str(EXAMPLE))
    assert done.code == 0
    assert "76 runs" in done.err
    assert "48 runs stand in tables, 28 in none" in done.err
    assert "claims: 6 not settled, 1 contradicted" in done.err
    assert "“the pure VAE wins on test2 (.7832)”: not settled" in done.out
    assert "pure VAE (3 runs, 0.7527 to 0.7832)" in done.out
    assert "“V5, built on the pure VAE, is better than V4”: contradicted: Emoval on cv" in done.out
    assert done.out.count("no run has these numbers together") == 2


@needs_recorded
def test_the_recorded_means_are_those_that_were_worked_out_by_hand(command, tmp_path):
    """method.md 4.2: mean WF1 cv / test2 of the V4 2x2, and the versions."""
    assert command("import", str(EXAMPLE), "--quiet").code == 0
    plan = rebuild.read_plan(EXAMPLE, tmp_path / "results")
    tables = {
        (table.name, table.split): table.frame().set_index("label")
        for table in rebuild.tables(plan, tmp_path / "results")
    }
    grid = tables["v4 2x2", "test2"]
    assert grid["weighted_f1"].round(4).to_dict() == {
        "full": 0.7496,
        "w/o contrastive": 0.7665,
        "w/o gate": 0.7608,
        "pure VAE": 0.7693,
    }
    assert grid["weighted_f1_n"].tolist() == [1, 2, 3, 3]
    versions = tables["versions", "cv"]
    assert versions.loc["attention_robust_v5", "emoval_delta"] == pytest.approx(-0.0546, abs=1e-4)
    assert versions.loc["attention_robust_v5", "emoval_verdict"] == "worse"
