"""Peer: Hydra's multirun with its joblib launcher, one job a trial.

`python -m butfor.benchmarks.peer_hydra TASK RESULTS JOBS`
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
import torch

from butfor.benchmarks.peer_task import read_results, read_task, write_results

if TYPE_CHECKING:
    from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=None)
def app(config: DictConfig) -> None:
    """One trial, in whatever process joblib gives it."""
    torch.set_num_threads(1)
    result = read_task(Path(config.task)).train(config.number)
    write_results(Path(config.folder) / f"{config.number}.json", [result])


def main(task: Path, out: Path, jobs: int) -> None:
    num = len(read_task(task).trials)
    with tempfile.TemporaryDirectory() as folder:
        told = [
            "--multirun",
            "hydra/launcher=joblib",
            f"hydra.launcher.n_jobs={jobs}",
            f"hydra.sweep.dir={folder}/runs",
        ]
        sys.argv = [sys.argv[0], *told, f"+task={task}", f"+folder={folder}", f"+number=range(0,{num})"]
        app()
        write_results(out, [read_results(Path(folder) / f"{number}.json")[0] for number in range(num)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
