"""Peer: Optuna, one study in a journal on disk, as many processes as jobs, every trial enqueued.

`python -m butfor.benchmarks.peer_optuna TASK RESULTS JOBS`
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from pathlib import Path

import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from butfor.benchmarks.peer_task import read_task, write_results

NAME = "bench"


def load(journal: str) -> optuna.Study:
    """The study that all processes share."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        storage=JournalStorage(JournalFileBackend(journal)), study_name=NAME, direction="maximize", load_if_exists=True
    )


def work(path: Path, journal: str, share: int) -> None:
    """Train `share` of the enqueued trials, whichever come."""
    torch.set_num_threads(1)
    task = read_task(path)

    def objective(trial: optuna.Trial) -> float:
        result = task.train(trial.suggest_int("number", 0, len(task.trials) - 1))
        trial.set_user_attr("result", result)
        return float(result["metrics"]["valid"]["weighted_f1"])

    load(journal).optimize(objective, n_trials=share)


def main(path: Path, out: Path, jobs: int) -> None:
    num = len(read_task(path).trials)
    with tempfile.TemporaryDirectory() as folder:
        journal = f"{folder}/journal.log"
        study = load(journal)
        for number in range(num):
            study.enqueue_trial({"number": number})
        shares = [num // jobs + (job < num % jobs) for job in range(jobs)]
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=work, args=(path, journal, share)) for share in shares]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        found = {trial.params["number"]: trial.user_attrs["result"] for trial in load(journal).trials}
        write_results(out, [found[number] for number in range(num)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
