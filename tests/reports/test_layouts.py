"""Layouts of tables, held against numbers that pandas, numpy and scipy give."""

import dataclasses
import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from butfor.core.errors import StudyError
from butfor.core.results import TrainResult
from butfor.core.study.plan import (
    Plan,
    PlannedCell,
    PlannedDesign,
    PlannedMetric,
    PlannedRow,
    PlannedTrial,
    TableSettings,
)
from butfor.reports.data import csv, json_rows
from butfor.reports.frame import tidy
from butfor.reports.html import html
from butfor.reports.latex import latex, latex_document
from butfor.reports.markdown import markdown
from butfor.reports.spent import spent_of
from butfor.reports.table import tabulate

F1 = PlannedMetric(name="f1", higher_is_better=True, rate=True)
MAE = PlannedMetric(name="mae", higher_is_better=False)
SEEDS = range(6)
FACTORS = {"kl": [True, False], "fusion": ["sum", "mean", "max"]}


def value(cell: str, seed: int, metric: str = "f1", rate: float = 0.0) -> float:
    rng = np.random.default_rng([sum(map(ord, cell)), seed, len(metric)])
    return float(0.6 + 0.02 * seed + rng.normal(0, 0.05) - rate * (0.3 + rng.normal(0, 0.05)))


def plan_of(rows, kind, factors=(), settings=None, *, differs=None, metrics=(F1, MAE), tested=None):
    cells = list(dict.fromkeys(row.cell for row in rows))
    return Plan(
        study="laid",
        baseline=cells[0],
        cells=[
            PlannedCell(
                key=cell,
                label=cell,
                settings=(settings or {}).get(cell, {}),
                differs=(differs or {}).get(cell, {}),
                tested_on=(tested or {}).get(cell, {}),
            )
            for cell in cells
        ],
        designs=[PlannedDesign(name="d", kind=kind, factors=factors, rows=rows)],
        trials=[PlannedTrial(key=f"{cell}/{seed}", cell=cell, seed=seed, fold="a") for cell in cells for seed in SEEDS],
        metrics=metrics,
    )


def results_of(plan, rates=(), noise=(), **more):
    return [
        TrainResult(
            key=trial.key,
            cell=trial.cell,
            seed=trial.seed,
            fold=trial.fold,
            state="done",
            seconds=2.0 + trial.seed,
            metrics={
                "test": {name: value(trial.cell, trial.seed, name) for name in ("f1", "mae")},
                **{
                    f"test@missing:{rate:g}": {"f1": value(trial.cell, trial.seed, "f1", rate), "mae": 0.1}
                    for rate in rates
                },
                **{
                    f"test@noise:{level:g}:audio": {"f1": value(trial.cell, trial.seed, "f1", level / 4), "mae": 0.2}
                    for level in noise
                },
            },
            provenance={"parameters": 1234567, "flops": 6048, "memory": 100438, **more},
        )
        for trial in plan.trials
    ]


def made(plan, rates=(), noise=(), **settings):
    results = results_of(plan, rates, noise)
    return tabulate(tidy(results, plan), plan, TableSettings(design="d", **settings), spent_of(results))


def wide(plan, metric="f1"):
    """(seeds, cells) as pandas has it."""
    return pd.DataFrame({cell.key: [value(cell.key, seed, metric) for seed in SEEDS] for cell in plan.cells}, SEEDS)


@pytest.fixture
def parts():
    rows = [PlannedRow(cell="full", label="full", levels={"kl": True, "cl": True}, baseline=True)]
    rows += [
        PlannedRow(cell=f"no{c}", label=f"w/o {c}", levels={"kl": c != "kl", "cl": c != "cl"}) for c in ("kl", "cl")
    ]
    return plan_of(rows, "leave_one_out", ("kl", "cl"))


@pytest.fixture
def grid():
    points = [(kl, fusion) for kl in FACTORS["kl"] for fusion in FACTORS["fusion"]]
    rows = [
        PlannedRow(cell=f"{kl}{fusion}", label=f"{kl}, {fusion}", levels={"kl": kl, "fusion": fusion}, baseline=not i)
        for i, (kl, fusion) in enumerate(points)
    ]
    return plan_of(rows, "factorial", ("kl", "fusion"))


def sweep_plan(values=(0.1, 0.001, 1.0)):
    rows = [PlannedRow(cell="base", label="baseline", baseline=True)]
    rows += [PlannedRow(cell=f"lr{v}", label=f"lr={v}") for v in values] + [PlannedRow(cell="odd", label="odd one")]
    differs = {f"lr{v}": {"train.lr": v} for v in values} | {"odd": {"losses.kl.weight": 3}}
    settings = {row.cell: {"train": {"lr": 0.01}} for row in rows}
    return plan_of(rows, "one_at_a_time", settings=settings, differs=differs)


def data_plan(tested=True):
    rows, digests = [], {}
    for place, (data, fusion) in enumerate((d, f) for d in ("mosi", "mosei") for f in ("sum", "mean")):
        cell = f"{data}-{fusion}"
        rows.append(PlannedRow(cell=cell, label=cell, levels={"dataset": data, "fusion": fusion}, baseline=not place))
        digests[cell] = {"test": data}
    settings = {row.cell: {"dataset": {"name": row.levels["dataset"]}} for row in rows}
    return plan_of(rows, "factorial", ("dataset", "fusion"), settings, tested=digests if tested else None)


def test_the_old_keys_and_the_keys_of_format_say_the_same(parts):
    old, new = made(parts, decimals=1, percent=True), made(parts, format={"decimals": 1, "percent": True})
    assert old.sheet().rows == new.sheet().rows
    with pytest.raises(ValueError, match="say it once"):
        TableSettings(design="d", decimals=1, format={"decimals": 2})


def test_behind_plus_minus_stands_sd_se_or_half_the_interval(parts):
    seeds = wide(parts)["full"]
    want = {
        "sd": seeds.std(),
        "se": stats.sem(seeds),
        "ci": stats.sem(seeds) * stats.t.ppf(0.975, len(seeds) - 1),
    }
    for kind, number in want.items():
        table = made(parts, metrics=("f1",), format={"spread": kind, "decimals": 6})
        cell = table.sheet().rows[0][3]
        assert (cell.text, cell.spread) == (f"{seeds.mean():.6f}", f"{number:.6f}")
    assert "standard error" in " ".join(made(parts, format={"spread": "se"}).notes)
    assert "half of its 95 % interval" in " ".join(made(parts, format={"spread": "ci"}).notes)


def test_a_comparison_has_no_ticks_and_components_have(parts):
    assert "kl" in made(parts, layout="components").shown()
    assert "kl" in made(parts).shown()
    assert list(made(parts, layout="comparison", metrics=("f1",)).shown())[:2] == ["System", "F1 ↑"]


def test_costs_are_columns_and_stand_in_json(parts):
    table = made(parts, metrics=("f1",), costs=("parameters", "flops", "seconds", "memory"))
    assert list(table.shown().iloc[1, -4:]) == ["1,234,567", "6.05 k", "4.50", "100.4 kB"]
    assert table.frame()["seconds"].tolist() == [4.5, 4.5, 4.5]
    row = json.loads(json_rows([table]))[0]
    assert [row[name] for name in ("parameters", "flops", "seconds", "memory")] == [1234567, 6048, 4.5, 100438]
    assert any("Memory: weights, gradients, moments" in note for note in table.notes)


def test_published_rows_are_marked_and_never_ranked_tested_or_tied(parts):
    row = {"label": "MISA", "values": {"f1": 0.99}, "source": "Hazarika 2020", "parameters": 7}
    table = made(parts, metrics=("f1",), reference=[row], costs=("parameters",))
    plain = made(parts, metrics=("f1",), costs=("parameters",))
    label, *cells = table.sheet().rows[-1]
    assert label.text == "MISA ‡"
    assert [cell.text for cell in cells if cell.text] == ["0.990", "7"]
    assert not any(cell.mark or cell.spread for cell in cells)
    assert table.sheet().rows[:-1] == plain.sheet().rows
    assert table.frame().equals(plain.frame())
    assert table.statistics.family == plain.statistics.family
    assert any("‡ published" in note and "MISA: Hazarika 2020" in note for note in table.notes)
    assert 'class="ruled"' in html(table.sheet())
    assert latex(table.sheet()).count(r"\midrule") == 3


def test_a_sweep_is_in_the_order_of_its_values_and_tells_the_trend(parts):
    plan = sweep_plan()
    table = made(plan, layout="sweep", metrics=("f1",))
    assert [row[0].text for row in table.sheet().rows] == ["0.001", "0.01 (baseline)", "0.1", "1"]
    seeds = wide(plan)
    lrs = [0.001, 0.01, 0.1, 1.0]
    slopes = [np.polyfit(lrs, seeds.loc[seed, ["lr0.001", "base", "lr0.1", "lr1.0"]], 1)[0] for seed in SEEDS]
    (trend,) = table.effects["f1"]["trend"]
    assert trend.value == pytest.approx(np.mean(slopes))
    assert trend.p == pytest.approx(stats.ttest_1samp(slopes, 0).pvalue)
    assert any(note.startswith("Trend on F1") for note in table.notes)
    assert any("Not part of the sweep" in note and "odd one" in note for note in table.notes)


def test_a_sweep_along_columns_has_the_same_numbers(parts):
    plan = sweep_plan()
    down, across = (made(plan, layout="sweep", metrics=("f1", "mae"), along=along) for along in ("rows", "columns"))
    assert [c.heading for c in across.sheet().columns] == ["Metric", "0.001", "0.01", "0.1", "1"]
    assert [[cell.text for cell in row[1:]] for row in across.sheet().rows] == [
        [row[place].text for row in down.sheet().rows] for place in (1, len(down.sheet().columns) // 2 + 1)
    ]
    assert not any("Δ: mean" in note for note in across.notes)


def test_a_cross_table_has_the_means_of_its_lines_and_their_effects(grid):
    table = made(grid, layout="factorial", metrics=("f1",), format={"decimals": 6})
    seeds = wide(grid)
    sheet = table.sheet()
    assert [column.heading for column in sheet.columns] == ["kl", "sum", "mean", "max", "all", "effect"]
    body = [[cell.text for cell in row] for row in sheet.rows]
    for row, kl in zip(body, (True, False), strict=False):
        assert row[1:4] == [f"{seeds[f'{kl}{fusion}'].mean():.6f}" for fusion in FACTORS["fusion"]]
        assert row[4] == f"{seeds[[f'{kl}{fusion}' for fusion in FACTORS['fusion']]].to_numpy().mean():.6f}"
    assert body[2][0] == "all"
    assert body[2][1:5] == [
        *(f"{seeds[[f'True{fusion}', f'False{fusion}']].to_numpy().mean():.6f}" for fusion in FACTORS["fusion"]),
        f"{seeds.to_numpy().mean():.6f}",
    ]
    without = seeds[[f"False{f}" for f in FACTORS["fusion"]]].mean(axis=1)
    main = without - seeds[[f"True{f}" for f in FACTORS["fusion"]]].mean(axis=1)
    assert body[1][5].startswith(f"{main.mean():+.7f}".replace("-", "−"))
    assert body[0][5] == ""
    assert [row[0] for row in body[2:]] == ["all", "effect"]
    assert sum(cell.mark == "best" for row in sheet.rows for cell in row) == 1


def test_the_columns_of_a_cross_table_can_be_chosen(grid):
    sheet = made(grid, layout="factorial", factor="kl", metrics=("f1",)).sheet()
    assert [column.heading for column in sheet.columns] == ["fusion", "kl", "w/o kl", "all", "effect"]


def test_data_sets_are_columns_each_with_a_baseline_of_its_own():
    plan = data_plan()
    table = made(plan, metrics=("f1",))
    seeds = wide(plan)
    sheet = table.sheet()
    assert [row[0].text for row in sheet.rows] == ["sum", "mean"]
    assert [group for *_, group in sheet.groups()] == ["", "mosi: F1 ↑", "mosei: F1 ↑"]
    scores = {row.cell: row.scores["f1"] for row in table.rows}
    for data in ("mosi", "mosei"):
        want = stats.ttest_rel(seeds[f"{data}-mean"], seeds[f"{data}-sum"])
        found = scores[f"{data}-mean"].judged.comparison
        assert (found.delta, found.p) == pytest.approx(
            ((seeds[f"{data}-mean"] - seeds[f"{data}-sum"]).mean(), want.pvalue)
        )
    assert [row.baseline for row in table.rows] == [True, False, True, False]
    assert table.statistics.family == 2
    assert table.reference == "sum"
    assert table.effects == {"f1": {}}
    assert sum(cell.mark == "best" for row in sheet.rows for cell in row) == 2


def test_a_published_number_without_its_data_set_stands_in_no_column_and_the_note_says_so():
    rows = [
        {"label": "MISA", "values": {"f1": 0.5}, "source": "Table 2", "level": "mosei"},
        {"label": "Lost", "values": {"f1": 0.6}, "source": "Table 3"},
    ]
    table = made(data_plan(), metrics=("f1",), reference=rows)
    shown = [[cell.text for cell in row if cell.text.startswith("0.")] for row in table.sheet().rows[-2:]]
    assert shown == [["0.500"], []]
    assert any("In no column, as no data set is named (`level`): Lost." in note for note in table.notes)


def test_data_sets_that_a_plan_does_not_digest_are_told_apart_by_name():
    assert made(data_plan(tested=False)).shape.across == "dataset"


def test_a_row_on_other_rows_is_refused_in_the_column_and_says_why(parts):
    cells = [
        cell.model_copy(update={"tested_on": {"test": "b" if cell.key == "nokl" else "a"},
                                "settings": {"splits": {"folds": 5 if cell.key == "nokl" else 3}}})
        for cell in parts.cells
    ]  # fmt: skip
    table = made(parts.model_copy(update={"cells": tuple(cells)}), metrics=("f1",))
    whole = made(parts, metrics=("f1",))
    assert [row[3].text for row in table.sheet().rows] == [
        whole.sheet().rows[0][3].text, "≠", whole.sheet().rows[2][3].text,
    ]  # fmt: skip
    assert table.rows[1].scores["f1"].judged is None
    assert table.statistics.family == 1
    assert any("≠ not comparable" in note and "splits.folds 5, not 3" in note for note in table.notes)
    rows = json.loads(json_rows([table]))
    assert [bool(row["not_comparable"]) for row in rows] == [False, True, False]
    assert r"$\neq$" in latex(table.sheet())


def test_robustness_has_each_rate_and_the_area_with_paired_statistics(parts):
    table = made(parts, rates=(0.3, 0.7), layout="robustness", metrics=("f1",), format={"decimals": 6})
    sheet = table.sheet()
    assert [column.heading for column in sheet.columns][:5] == ["System", "0", "0.3", "0.7", "AUC"]
    rates = [0.0, 0.3, 0.7]
    areas = {
        cell: np.array(
            [
                np.trapezoid([value(cell, seed), *(value(cell, seed, "f1", r) for r in rates[1:])], rates) / 0.7
                for seed in SEEDS
            ]
        )
        for cell in ("full", "nokl", "nocl")
    }
    for row, cell in zip(sheet.rows, areas, strict=True):
        at = [np.mean([value(cell, seed, "f1", rate) for seed in SEEDS]) for rate in rates[1:]]
        assert [one.text for one in row[2:5]] == [f"{one:.6f}" for one in (*at, areas[cell].mean())]
    (area,) = [metric.name for metric in table.metrics if metric.level is None]
    judged = {row.cell: row.scores[area].judged for row in table.rows}
    assert judged["nokl"].comparison.p == pytest.approx(stats.ttest_rel(areas["nokl"], areas["full"]).pvalue)
    assert table.statistics.family == 2
    assert {(row["split"], row["metric"]) for row in table.records() if row["cell"]} == {
        ("test", "f1"), ("test@missing:0.3", "f1"), ("test@missing:0.7", "f1"), ("test@missing:auc", "f1"),
    }  # fmt: skip
    assert any("AUC: area under the metric over that scale" in note for note in table.notes)


def test_missing_and_noise_in_one_table_keep_a_scale_and_an_area_of_their_own(parts):
    table = made(parts, (0.3, 0.6), (1.0, 2.0), layout="robustness", metrics=("f1",), format={"decimals": 6})
    sheet = table.sheet()
    areas = [place for place, column in enumerate(sheet.columns) if column.heading == "AUC"]
    headings = [column.heading for column in sheet.columns if column.align == "right"]
    assert [one for one in headings if one in {"0", "0.3", "0.6", "1", "2"}] == ["0", "0.3", "0.6", "0", "1", "2"]
    assert [group for *_, group in sheet.groups()] == ["", "F1 ↑, missing", "F1 ↑, noise audio"]
    for levels, rates, place in (((0, 0.3, 0.6), (0, 0.3, 0.6), areas[0]), ((0, 1, 2), (0, 0.25, 0.5), areas[1])):
        means = [np.mean([value("full", seed, "f1", rate) for seed in SEEDS]) for rate in rates]
        assert sheet.rows[0][place].text == f"{np.trapezoid(means, levels) / levels[-1]:.6f}"
    assert [metric.name for metric in table.metrics if metric.level is None] == ["f1@missing:auc", "f1@noise:auc:audio"]
    (note,) = [note for note in table.notes if "AUC: area" in note]
    assert note.startswith(
        "Missing: share of the test rows without the modalities, 0 to 0.6. "
        "Noise: in standard deviations of each feature, 0 to 2. 0 is the clean test;"
    )
    assert "over that scale (trapezoids), never over both kinds," in note


def test_the_note_of_one_kind_tells_of_that_kind_alone(parts):
    (note,) = [note for note in made(parts, (), (0.5,), layout="robustness").notes if "AUC: area" in note]
    assert note.startswith("Noise: in standard deviations of each feature, 0 to 0.5. 0 is the clean test")
    assert "issing" not in note
    assert "both" not in note


def test_robustness_without_such_tests_is_refused_in_words(parts):
    with pytest.raises(StudyError, match="evaluate"):
        made(parts, layout="robustness")


def test_effects_stand_in_json_and_csv_with_the_numbers_of_the_footnote(grid, tmp_path):
    table = made(grid, metrics=("f1",))
    rows = json.loads(json_rows([table]))
    effects = [row for row in rows if row["effect"]]
    assert len(rows) == 6 + len(effects)
    assert all(row["cell"] is None and row["metric"] == "f1" and row["split"] == "test" for row in effects)
    assert {frozenset(row) for row in rows} == {frozenset(rows[0])}
    seeds = wide(grid)
    main = seeds[[f"False{f}" for f in FACTORS["fusion"]]].mean(axis=1)
    main -= seeds[[f"True{f}" for f in FACTORS["fusion"]]].mean(axis=1)
    kl = next(row for row in effects if row["label"] == "kl without")
    assert (kl["effect"], kl["delta"], kl["p"]) == (
        "effects", pytest.approx(main.mean()), pytest.approx(stats.ttest_1samp(main, 0).pvalue),
    )  # fmt: skip
    (tmp_path / "t.csv").write_text(csv(table))
    read = pd.read_csv(tmp_path / "t.csv")
    line = read[read["label"] == "kl without"].iloc[0]
    assert (line["effect"], line["f1_delta"]) == ("effects", pytest.approx(main.mean()))
    assert read["cell"].notna().sum() == 6


def test_a_design_without_effects_has_the_csv_it_always_had(parts):
    table = made(parts)
    assert csv(table).splitlines()[0].split(",") == list(table.frame().columns)


def test_json_rows_have_the_keys_of_the_design(parts):
    row = made(parts).records()[1]
    keys = ["cell", "label", "split", "metric", "mean", "sd", "n", "delta", "ci_low", "ci_high"]
    keys += ["p", "p_adjusted", "wins", "verdict"]
    assert list(row)[: len(keys)] == keys


def test_every_format_prints_the_marks_of_evidence(parts):
    table = made(parts, metrics=("f1",))
    rows = tuple(dataclasses.replace(row, label=f"{row.label} ≡ ⊘ ½") for row in table.rows)
    sheet = dataclasses.replace(table, rows=rows).sheet()
    assert "full ≡ ⊘ ½" in markdown(sheet)
    assert "full ≡ ⊘ ½" in html(sheet)
    assert r"full $\equiv$ $\oslash$ $\frac{1}{2}$" in latex(sheet)


def has_siunitx() -> bool:
    found = shutil.which("kpsewhich")
    return bool(found and subprocess.run([found, "siunitx.sty"], check=False, capture_output=True).stdout.strip())


@pytest.mark.parametrize("siunitx", [False, True], ids=["plain", "siunitx"])
def test_a_document_of_all_layouts_compiles(parts, grid, siunitx, tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    if siunitx and not has_siunitx():
        pytest.skip("siunitx.sty is not installed")
    form = {"siunitx": siunitx}
    published = [{"label": "MISA & co", "values": {"f1": 0.8}, "source": "Table 2, 50% of it"}]
    tables = [
        made(parts, layout="components", costs=("parameters", "memory"), reference=published, format=form),
        made(parts, layout="comparison", format=form | {"spread": "ci"}),
        made(sweep_plan(), layout="sweep", format=form),
        made(sweep_plan(), layout="sweep", along="columns", format=form),
        made(grid, layout="factorial", format=form),
        made(data_plan(), format=form),
        made(parts, rates=(0.3, 0.7), layout="robustness", metrics=("f1",), format=form),
    ]
    (tmp_path / "all.tex").write_text(latex_document(table.sheet() for table in tables), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = (tmp_path / "all.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-3000:]
    assert "Overfull" not in log
    assert (r"\usepackage{siunitx}" in latex_document([tables[0].sheet()])) == siunitx
