"""All that a cell would compute, as keys: cells with one key are one computation, or one of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .course import dropout, weights
from .subject import PLAIN
from .trace import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ...study.cell import Cell
    from .prober import Prober
    from .subject import Way
    from .trace import Trace

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Computation:
    """All that a cell would compute."""

    cell: Cell
    trace: Trace
    around: Key
    """Data, folds, and what the trainer does."""

    @property
    def dropout(self) -> Key | None:
        """Modality dropout, where it makes a difference."""
        return dropout(self.cell.settings) if self.trace.dropping else None

    @property
    def exact(self) -> Key:
        """Equal for cells that compute the same throughout."""
        found = self.trace
        outputs = [tuple(named.items()) for named in (found.trained, found.evaluated, found.values)]
        return (self.training, *outputs, found.parameters, self.tested(found.evaluated))

    @property
    def effective(self) -> Key:
        """Equal for cells that train and predict the same, whatever else one of them has that does nothing."""
        return (self.training, outputs_of(self.trace.evaluated, self.live), self.tested(self.live))

    def tested(self, tasks: Collection[str]) -> Key:
        """What some tasks predict in tests of rows that training rows are not like."""
        return tuple((kind, outputs_of(named, tasks)) for kind, named in self.trace.tested.items())

    @property
    def training(self) -> Key:
        """Equal for cells that train the same."""
        found = self.trace
        acting = tuple((t, g, weights(self.cell.settings, t)) for t, g in found.gradients.items() if g)
        return (self.around, found.inputs, outputs_of(found.trained, self.live), acting, self.dropout)

    @property
    def live(self) -> frozenset[str]:
        """Tasks whose head is trained."""
        return frozenset().union(*self.trace.heads.values())


def outputs_of(named: Mapping[str, str], tasks: Collection[str]) -> Key:
    """What some tasks predict, and the weights of the modalities."""
    return tuple((name, value) for name, value in named.items() if name in tasks or name == WEIGHTS)


def predict_alike(one: Trace, other: Trace) -> bool:
    """Whether two systems predict the same in evaluation where both predict."""
    shared = [name for name in one.evaluated if name in other.evaluated]
    return (
        bool(shared)
        and one.inputs == other.inputs
        and all(one.evaluated[name] == other.evaluated[name] for name in shared)
        and all(one.tested[kind][name] == other.tested[kind][name] for kind in one.tested for name in shared)
    )


def computation(prober: Prober, cell: Cell, way: Way = PLAIN) -> Computation | None:
    """What a cell computes; None where its parts raise."""
    found = prober.trace(cell, way=way)
    return None if found is None else Computation(cell, found, (prober.data(cell), prober.course(cell)))
