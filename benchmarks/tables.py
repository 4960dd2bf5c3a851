"""How long `butfor table` takes on a store of 10,000 trials: the whole command, as a process of its own.

`.venv/bin/python benchmarks/tables.py --trials 10000 --limit 5`

The trials are made up, not trained: 500 systems of 20 seeds, curves of 50 epochs, four metrics, and the test once more
under three rates of missing modalities. What is timed is Python's start, reading the store (every row against its
checksum), the statistics and the text, in each format. The first run also draws the evidence, which is then kept.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from butfor import runner
from butfor.core.leases import Lease
from butfor.core.records import Entry
from butfor.core.results import TrainResult
from butfor.core.store import Store, store_of
from butfor.core.study.plan import Plan, PlannedMetric, PlannedTrial, TableSettings
from butfor.reports.kept_plan import write_plan

SEEDS, EPOCHS = 20, 50
STUDY = """study: tables
dataset: {name: planted, rows: 200, groups: 8}
splits: official
seeds: 20
baseline:
  encoder: {name: variational_mlp, width: 16, dropout: 0.1}
  fusion: uncertainty
  losses: {emotion: cross_entropy, valence: mse, kl: {name: kl_prior, weight: 0.001}}
ablations:
  grid:
    factorial:
      fusion: [uncertainty, mean, concat, attention]
      losses.kl: [keep, null]
      train.lr: [5.0e-4, %s]
"""
METRICS = (
    PlannedMetric(name="weighted_f1", higher_is_better=True, rate=True),
    PlannedMetric(name="mse", higher_is_better=False),
    PlannedMetric(name="accuracy", higher_is_better=True, rate=True),
    PlannedMetric(name="ccc", higher_is_better=True),
)
SPLITS = ("valid", "test", "test@missing:0.1", "test@missing:0.3", "test@missing:0.5")


def fill(folder: Path, trials: int) -> Path:
    """A study file and a store of so many made-up trials in `folder`; the file."""
    rates = ", ".join(f"{rate:.6f}" for rate in np.linspace(1e-4, 1e-1, max(1, trials // SEEDS // 8 - 1)))
    file = folder / "tables.yaml"
    file.write_text(STUDY % rates, encoding="utf-8")
    study, _ = runner.read_study(file, max_trials=10**6)
    plan = study.plan(metrics=METRICS)
    planned = [
        PlannedTrial(key=f"{cell.key}-{seed}", cell=cell.key, seed=seed, fold="official")
        for cell in plan.cells
        for seed in range(SEEDS)
    ]
    plan = plan.model_copy(update={"trials": tuple(planned), "tables": (TableSettings(design="grid"),)})
    write_plan(plan, folder / "results")
    _store(plan, folder / "results")
    return file


def _store(plan: Plan, out: Path) -> None:
    rng = np.random.default_rng(0)
    luck = rng.normal(0, 0.02, SEEDS)
    settings = {cell.key: cell.settings for cell in plan.cells}
    worth = {cell.key: float(rng.normal(0.7, 0.03)) for cell in plan.cells}
    with Store.open(store_of(out)) as store:
        store.enlist(plan.study, [Entry(t.key, t.cell, t.seed, t.fold, settings[t.cell], {}) for t in plan.trials])
        with Lease(store) as lease:
            lease.claim([trial.key for trial in plan.trials])
            for trial in plan.trials:
                lease.finish(_result(trial, worth[trial.cell] + luck[trial.seed], rng))


def _result(trial: PlannedTrial, worth: float, rng: np.random.Generator) -> TrainResult:
    found = {split: {metric.name: worth + float(rng.normal(0, 0.01)) for metric in METRICS} for split in SPLITS}
    curve = tuple({"lr": 5e-4, "loss": 1 / (epoch + 1), "select": worth} for epoch in range(EPOCHS))
    provenance = {"torch": "2.13", "threads": 1, "device": "cpu", "engine": "stack", "parameters": 3429, "flops": 6048}
    return TrainResult(
        trial.key, trial.cell, trial.seed, trial.fold, "done", metrics=found, curve=curve, selected_epoch=1,
        seconds=1.5, provenance=provenance,
    )  # fmt: skip


def timed(file: Path, form: str) -> tuple[float, int]:
    """(seconds, bytes) of the command in one format."""
    command = [sys.executable, "-m", "butfor", "table", "grid", "--file", str(file), "--format", form]
    command += ["--out", str(file.parent / "results")]
    started = time.perf_counter()
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    return time.perf_counter() - started, len(printed)


def main() -> None:
    """Build, time, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=0.0, help="exit with 1 where the best time is above this")
    parser.add_argument("--folder", type=Path, help="keep the store here, and use it again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "tables.yaml"
        if not (folder / "results").is_dir():
            file = fill(folder, asked.trials)
        slow = []
        print("| format | seconds (best of", asked.repeats, "| bytes |")
        print("|---|---:|---:|")
        for form in ("markdown", "latex", "html", "csv", "json", "xlsx"):
            runs = [timed(file, form) for _ in range(asked.repeats)]
            best = min(seconds for seconds, _ in runs)
            slow += [form] if asked.limit and best > asked.limit else []
            print(f"| {form} | {best:.2f} | {runs[0][1]:,} |")
    if slow:
        raise SystemExit(f"slower than {asked.limit:g} s: {', '.join(slow)}")


if __name__ == "__main__":
    main()
