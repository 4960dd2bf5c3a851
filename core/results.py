"""What a trained trial leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

State = Literal["done", "failed", "diverged", "collapsed"]
"""How a trial can end."""
Progress = Literal["pending", "running", "done", "failed", "diverged", "collapsed"]
"""Where a trial can be."""
Failure = Literal["", "error", "out of memory", "timeout", "crashed"]
"""Why a trial failed; empty for one that did not."""


@dataclass(frozen=True, eq=False)
class TrainResult:
    """One trial. Anything but `done` is never averaged; its message says why."""

    key: str
    """Key of the trial."""
    cell: str
    """Key of its cell."""
    seed: int
    fold: str
    state: State
    message: str = ""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """{split: {metric: value}} at the selected epoch; a metric without labels is not there. `SPLIT@CONDITION` is a test
    part under a condition: empty where that leaves nothing to predict from."""
    curve: tuple[Mapping[str, float], ...] = ()
    """One mapping an epoch: `lr`, `loss`, `loss.TERM` for each term before its weight, `select` and
    `valid.METRIC` for what the selection reads and the first metric of each task. One trial of each cell also has
    `gradient.TERM` and `reach.TERM`: norms of the weighted gradient of a term, over all parameters and over those of
    encoders and fusion."""
    selected_epoch: int = -1
    """Counted from 0; -1 when none was selected."""
    seconds: float = 0.0
    """Wall time of training and evaluation."""
    predictions: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    """`SPLIT/rows` (n,) and `SPLIT/TASK` (n, C) logits or (n,) values, at the selected epoch."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Versions, device, threads, number of parameters; `evidence`: what nothing moved; `fusion_weights`: {split:
    {modality: mean weight}}, where a fusion gives weights."""
    kind: Failure = ""
    """Class of the failure, where the state is `failed`."""
    log: str = ""
    """File with what a failed trial printed; empty where there is none."""
    attempts: int = 0
    """How often its training was begun, as the store counted; 0 before it is stored."""
