"""What a peer is handed: a file with the data and the trials; and what it hands back: a file with every result."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .loops import PeerTrial, train_trial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from butfor.core.dataset import Dataset


@dataclass(frozen=True)
class PeerTask:
    """Trials to train, all on the same data."""

    data: Dataset
    trials: tuple[PeerTrial, ...]

    def train(self, index: int) -> dict[str, Any]:
        """The result of one trial."""
        return train_trial(self.trials[index], self.data)

    def write(self, path: Path) -> None:
        """For another process of this benchmark, which trusts it."""
        path.write_bytes(pickle.dumps(self))


@cache
def read_task(path: Path) -> PeerTask:
    """The task in a file that this benchmark wrote; read once a process, as a careful user would."""
    task = pickle.loads(path.read_bytes())  # noqa: S301 - written by this benchmark a moment ago
    if not isinstance(task, PeerTask):
        raise TypeError(f"{path} holds no task of the benchmark")
    return task


def write_results(path: Path, results: Sequence[dict[str, Any]]) -> None:
    """One entry a trial, in the order of the trials."""
    path.write_text(json.dumps(list(results)), encoding="utf-8")


def read_results(path: Path) -> list[dict[str, Any]]:
    """What `write_results` wrote."""
    return list(json.loads(path.read_text(encoding="utf-8")))
