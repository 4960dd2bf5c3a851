"""What flows through a model: Batch -> Encoded -> Fused -> Outputs, and the Shapes that a loss term is built for.

B batch, M modalities, T time steps, D features, H width of an encoding, C classes. The order of modalities is the order
of the mappings' keys and of the columns of `present`, everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .errors import StudyError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from .dataset import Task, TaskKind


class Batch(NamedTuple):
    """Samples of all modalities. A missing label is a mask and a missing modality is `present = False`."""

    features: Mapping[str, Tensor]
    """{modality: (B, D) or (B, T, D)}: what the encoders read; zeros where the modality is absent."""
    complete: Mapping[str, Tensor]
    """Like `features`, before modality dropout at the input took anything away: a target for reconstruction."""
    lengths: Mapping[str, Tensor]
    """{modality: (B,) int64} number of valid frames, counted from the first; 1 for utterances."""
    present: Tensor
    """(B, M) bool: the encoders read it: it was recorded and, with dropout at the input, not dropped."""
    recorded: Tensor
    """(B, M) bool: it is in the data, so that `complete` holds it."""
    targets: Mapping[str, Tensor]
    """{task: (B,)}: int64 class numbers or floating values; 0 where there is no label."""
    labelled: Mapping[str, Tensor]
    """{task: (B,) bool}."""
    rows: Tensor
    """(B,) int64: which rows of the data set these are."""


class Encoded(NamedTuple):
    """One modality after its encoder."""

    mean: Tensor
    """(B, H): what fusions read."""
    log_variance: Tensor | None
    """(B, H), or None for encoders without a variance."""
    sample: Tensor
    """(B, H): mean + noise in training, the mean in evaluation."""
    sequence: Tensor | None = None
    """(B, T, H), or None for encoders without time."""
    lengths: Tensor | None = None
    """(B,) valid steps of `sequence`."""


class Fused(NamedTuple):
    """All modalities as one vector."""

    vector: Tensor
    """(B, H)."""
    weights: Tensor | None = None
    """(B, M): how much of each modality was kept, where the fusion weighs them."""


class Outputs(NamedTuple):
    """All that a loss term may look at."""

    encoded: Mapping[str, Encoded]
    """Straight from the encoders, before modality dropout at the mean or sample."""
    fused: Fused
    predictions: Mapping[str, Tensor]
    """{task: (B, C) logits or (B,) values}."""
    present: Tensor
    """(B, M) bool: what the fusion saw, after modality dropout."""
    epoch: int | Tensor
    """Counted from 0; a 0-d tensor where trials are trained as a stack."""


class Shapes(NamedTuple):
    """What a loss term is built for."""

    term: str
    """The name under which the term stands in the study."""
    features: Mapping[str, int]
    """{modality: D}, in the order of modalities."""
    frames: Mapping[str, bool]
    """{modality: whether it comes as (B, T, D)}."""
    width: int
    """H."""
    tasks: Mapping[str, Task]
    """{task: kind and classes}."""
    asked: set[str] | None = None
    """Takes down which tasks the terms ask for with `task`: only these get a head."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in their order."""
        return tuple(self.features)

    def unasked(self) -> Shapes:
        """The same, for a term that reads a task's labels and no predictions: asking it gives the task no head."""
        return self._replace(asked=None)

    def task(self, wanted: str | None, kind: TaskKind) -> Task:
        """The task that a term works on: the one it names, else the one that it is named after, else the only one.

        Raises StudyError where the task is unknown, of another kind, or not to be told from another.
        """
        fitting = [name for name, task in self.tasks.items() if task.kind == kind]
        name = wanted or (self.term if self.term in self.tasks else fitting[0] if len(fitting) == 1 else "")
        if not name:
            said = f"{', '.join(fitting)} fit" if fitting else f"the data set has no task with {kind}"
            raise StudyError(f"loss term '{self.term}' does not say which task it is for, and {said}; set `task`")
        if name not in self.tasks:
            raise StudyError(f"loss term '{self.term}': unknown task '{name}'; {nearest(name, list(self.tasks))}")
        if self.tasks[name].kind != kind:
            raise StudyError(
                f"loss term '{self.term}' needs a task with {kind}, and '{name}' has {self.tasks[name].kind}; "
                f"fitting: {', '.join(fitting) or 'none'}"
            )
        if self.asked is not None:
            self.asked.add(name)
        return self.tasks[name]
