"""Peer: the DataLoader loop, trial after trial, in one process or in a pool of several.

`python -m butfor.benchmarks.peer_loop TASK RESULTS JOBS`
"""

from __future__ import annotations

import multiprocessing
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch

from butfor.benchmarks.peer_task import read_task, write_results


def train(path: Path, index: int) -> dict[str, Any]:
    """One trial, in this process."""
    return read_task(path).train(index)


def main(task: Path, out: Path, jobs: int) -> None:
    torch.set_num_threads(1)
    numbers = range(len(read_task(task).trials))
    if jobs == 1:
        write_results(out, [train(task, number) for number in numbers])
        return
    with multiprocessing.get_context("spawn").Pool(jobs, torch.set_num_threads, (1,)) as pool:
        write_results(out, pool.map(partial(train, task), numbers, chunksize=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
