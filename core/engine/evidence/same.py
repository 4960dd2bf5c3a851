"""Are two cells the same computation? In all, in training only, in evaluation only, or until a schedule begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...evidence import Evidence
from ...study.differences import differences
from .course import dropout, weights
from .influence import holder
from .trace import WEIGHTS
from .wording import told_difference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ...evidence import Mark
    from ...study.cell import Cell
    from .influence import Influences
    from .prober import Prober
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
        return (self.training, *outputs, found.parameters)

    @property
    def effective(self) -> Key:
        """Equal for cells that train and predict the same, whatever else one of them has that does nothing."""
        return (self.training, _outputs(self.trace.evaluated, self.live))

    @property
    def training(self) -> Key:
        """Equal for cells that train the same."""
        found = self.trace
        acting = tuple((t, g, weights(self.cell.settings, t)) for t, g in found.gradients.items() if g)
        return (self.around, found.inputs, _outputs(found.trained, self.live), acting, self.dropout)

    @property
    def live(self) -> frozenset[str]:
        """Tasks whose head is trained."""
        return frozenset().union(*self.trace.heads.values())


def _outputs(named: Mapping[str, str], tasks: Collection[str]) -> Key:
    return tuple((name, value) for name, value in named.items() if name in tasks or name == WEIGHTS)


def _predict_alike(one: Trace, other: Trace) -> bool:
    """Whether two systems predict the same in evaluation where both predict."""
    shared = [name for name in one.evaluated if name in other.evaluated]
    return (
        bool(shared)
        and one.inputs == other.inputs
        and all(one.evaluated[name] == other.evaluated[name] for name in shared)
    )


def computation(prober: Prober, cell: Cell) -> Computation | None:
    """What a cell computes; None where its parts raise."""
    found = prober.trace(cell)
    return None if found is None else Computation(cell, found, (prober.data(cell), prober.course(cell)))


def same_computation(prober: Prober, influences: Influences, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """Every pair of cells that is one computation; and against the first cell, what is equal in part."""
    known = [found for cell in cells if (found := computation(prober, cell)) is not None]
    doubles: set[str] = set()
    for kind in ("exact", "effective"):
        groups: dict[Key, list[Computation]] = {}
        for one in known:
            groups.setdefault(getattr(one, kind), []).append(one)
        for first, *rest in groups.values():
            for other in rest:
                if other.cell.key not in doubles:
                    doubles.add(other.cell.key)
                    yield _same(influences, first.cell, other.cell, exact=kind == "exact")
    if known and known[0].cell is cells[0]:
        for one in known[1:]:
            if one.cell.key not in doubles:
                yield from _partly(prober, known[0], one)


def _same(influences: Influences, first: Cell, other: Cell, *, exact: bool) -> Evidence:
    differs = differences(first.resolved, other.resolved, other.node)
    paths, pair = tuple(differs), f"'{first.label}' and '{other.label}'"
    on_paper = f"on paper they differ in {told_difference(first, other, differs)}"
    beyond = [path for path in paths if _acts_elsewhere(influences, first, other, path)]
    if beyond:
        return _evidence(
            other, first, f"{pair} compute the same on these rows; {', '.join(beyond)} acts only beyond", paths, "BF710"
        )
    if exact:
        message = f"no effect: cells {pair} are the same computation; {on_paper}"
        return _evidence(other, first, message, paths, "BF701", mark="≡")
    message = f"no effect: cells {pair} train and predict the same, what else one of them has does nothing; {on_paper}"
    return _evidence(other, first, message, paths, "BF702", mark="⊘")


def _acts_elsewhere(influences: Influences, first: Cell, other: Cell, path: str) -> bool:
    """Whether a number that differs is a limit that these rows do not reach, but others might."""
    area, _, rest = path.partition(".")
    if area not in ("encoder", "fusion", "losses") or rest.endswith((".weight", ".warmup.start", ".warmup.ramp")):
        return False
    for cell in (first, other):
        full = _full(cell, path)
        held, name = holder(cell, full)
        value = getattr(held, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and influences.of(cell, full).moved:
            return True
    return False


def _full(cell: Cell, path: str) -> str:
    """`encoder.width` stands for that of every encoder."""
    parts = path.split(".")
    if parts[0] == "encoder" and len(parts) > 1 and parts[1] not in cell.settings.encoder:
        parts.insert(1, cell.settings.modalities[0])
    return ".".join(parts)


def _partly(prober: Prober, base: Computation, one: Computation) -> Iterator[Evidence]:
    paths = tuple(one.cell.differs)
    pair = f"'{one.cell.label}' and '{base.cell.label}'"
    if one.training == base.training:
        message = f"{pair} train the same: {', '.join(paths)} acts only in evaluation"
        yield _evidence(one.cell, base.cell, message, paths, "BF703", mark="½")
        return
    start = _start(prober, base, one)
    if start:
        message = f"{pair} are the same computation until epoch {start}: a schedule keeps the difference at zero"
        yield _evidence(one.cell, base.cell, message, paths, "", start=start)
    if _predict_alike(one.trace, base.trace):
        message = f"with equal weights, {pair} predict the same in evaluation: what differs acts only in training"
        yield _evidence(one.cell, base.cell, message, paths, "")


def _start(prober: Prober, base: Computation, one: Computation) -> int:
    """The first epoch in which two cells differ; 0 where they do from the start on."""
    if one.around != base.around or not _predict_alike(one.trace, base.trace):
        return 0
    epochs = one.cell.settings.train.epochs
    prober_of = None if one.dropout == base.dropout else prober
    different = (epoch for epoch in range(epochs) if _during(prober_of, base, epoch) != _during(prober_of, one, epoch))
    return next(different, 0)


def _during(prober: Prober | None, one: Computation, epoch: int) -> Key | None:
    """What a cell computes in one epoch of training; what a schedule holds at zero is not there.

    The prober is needed where modality dropout is to be left out while its rate is zero.
    """
    settings, found = one.cell.settings, one.trace
    dropped = one.dropout
    rate = dropped[0][epoch] if dropped is not None else 0
    if prober is not None and settings.modality_dropout is not None and rate == 0:
        quiet = settings.model_copy(update={"modality_dropout": None})
        plain = prober.trace(one.cell, quiet)
        if plain is None:
            return None
        found = plain
    acting = tuple((t, g, w) for t, g in found.gradients.items() if g and (w := weights(settings, t)[epoch]))
    tasks = frozenset().union(*(found.heads[term] for term, _, _ in acting))
    return (
        found.inputs,
        _outputs(found.trained, tasks),
        acting,
        (rate, *dropped[1:]) if dropped is not None and rate else None,
    )


def _evidence(
    cell: Cell, other: Cell, message: str, paths: tuple[str, ...], code: str, *, mark: Mark = "", **numbers: int
) -> Evidence:
    return Evidence(
        cell=cell.key,
        question="same computation",
        phase="before",
        message=message,
        mark=mark,
        other=other.key,
        paths=paths,
        details={**({"code": code} if code else {}), **numbers},
    )
