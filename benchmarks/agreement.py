"""Whether stacks select the epochs that trials alone select, in single precision: the same study, trained by both.

`.venv/bin/python benchmarks/agreement.py --workload tiny --trials 60`
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from butfor.benchmarks import machine, ours
from butfor.benchmarks.report import Section, keep
from butfor.benchmarks.workloads import BATCH, SIZES, WORKLOADS, Workload, write_study

if TYPE_CHECKING:
    from butfor.core.results import TrainResult


def measured(
    workload: Workload,
    folder: Path,
    *,
    trials: int,
    epochs: int,
    patience: int | None = 4,
    batch: int = BATCH,
    backend: str = "stack",
) -> Section:
    """One study: how many trials select the same epoch, and how far their test metrics are apart."""
    torch.set_num_threads(1)
    ready = ours.read(write_study(folder, workload, trials=trials, epochs=epochs, patience=patience, batch=batch))
    alone, together = (ours.train(ready, ready.every, name) for name in (ours.SINGLE, backend))
    section = Section(f"The same epochs, {backend} and {ours.SINGLE}: {workload.name}, {trials} trials")
    section.rows = [_row(alone, together)]
    lonely = ours.alone(together, backend)
    section.notes = [f"NOT STACKED: {lonely}"] if lonely else []
    return section


def _row(alone: list[TrainResult], together: list[TrainResult]) -> dict[str, float]:
    pairs = list(zip(alone, together, strict=True))
    same = [one for one in pairs if one[0].selected_epoch == one[1].selected_epoch]
    gaps = [abs(one.metrics["test"]["weighted_f1"] - other.metrics["test"]["weighted_f1"]) for one, other in same]
    every = [abs(one.metrics["test"]["weighted_f1"] - other.metrics["test"]["weighted_f1"]) for one, other in pairs]
    return {
        "trials": len(pairs),
        "same selected epoch": len(same) / len(pairs),
        "largest difference in weighted F1, same epoch": max(gaps, default=0.0),
        "mean difference in weighted F1, all": sum(every) / len(every),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", choices=WORKLOADS, default="tiny")
    parser.add_argument("--trials", type=int, choices=SIZES, default=60)
    parser.add_argument("--epochs", type=int, default=25, help="at most")
    parser.add_argument("--patience", type=int, default=4)
    parser.add_argument("--backend", choices=[name for name in ours.BACKENDS if name != ours.SINGLE], default="stack")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        section = measured(
            WORKLOADS[asked.workload],
            Path(folder),
            trials=asked.trials,
            epochs=asked.epochs,
            patience=asked.patience,
            backend=asked.backend,
        )
    print(keep("agreement", machine.described(), [section]))


if __name__ == "__main__":
    main()
