"""Peer: Ray Tune, a grid over the trials, one CPU each.

`python -m butfor.benchmarks.peer_ray TASK RESULTS JOBS`
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune

from butfor.benchmarks.peer_task import PeerTask, read_task, write_results


def objective(config: dict[str, Any], task: PeerTask) -> None:
    """One trial, in whatever actor Ray gives it."""
    torch.set_num_threads(1)
    tune.report({"result": task.train(config["number"]), "number": config["number"]})


def main(path: Path, out: Path, jobs: int) -> None:
    task = read_task(path)
    with tempfile.TemporaryDirectory() as folder:
        ray.init(num_cpus=jobs, include_dashboard=False, log_to_driver=False, _temp_dir=f"{folder}/ray")
        trainable = tune.with_resources(tune.with_parameters(objective, task=task), {"cpu": 1})
        tuner = tune.Tuner(
            trainable,
            param_space={"number": tune.grid_search(list(range(len(task.trials))))},
            tune_config=tune.TuneConfig(max_concurrent_trials=jobs),
            run_config=tune.RunConfig(storage_path=f"{folder}/results", verbose=0),
        )
        grid = tuner.fit()
        if grid.errors:
            raise grid.errors[0]
        found = {result.metrics["number"]: result.metrics["result"] for result in grid}
        write_results(out, [found[number] for number in range(len(task.trials))])
        ray.shutdown()


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
