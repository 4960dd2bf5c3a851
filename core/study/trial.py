"""Trials: a cell trained with one seed on one fold. The key is a hash of everything that decides the numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .cell import Cell, content_key
from .plan import PlannedTrial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..catalogue import Catalogue
    from ..conditions import Condition
    from ..specs import Spec
    from .study import Study


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A cell, a seed and a fold."""

    key: str
    """Hash of the settings, the seed, the fold and its rows, and what else `expand` was told decides the numbers."""
    cell: Cell
    seed: int
    fold: str
    identity: Mapping[str, str] = field(default_factory=dict)
    """What besides settings decides the numbers of its cell: versions, digests of data and plugins."""
    conditions: tuple[Condition, ...] = ()
    """What it is tested under besides the clean test; part of the key where there are any."""
    witness: bool = False
    """Whether it is the witness of its cell, the lowest seed on the first fold, whose gradients are measured."""

    def planned(self) -> PlannedTrial:
        """As it stands in the plan."""
        return PlannedTrial(key=self.key, cell=self.cell.key, seed=self.seed, fold=self.fold)


def expand(
    study: Study,
    folds: Mapping[str, Mapping[str, str]],
    identity: Callable[[Cell], Mapping[str, str]],
) -> tuple[Trial, ...]:
    """Every cell x seed x fold, in that order.

    `folds` has for each `Cell.data_key` the folds by name, each with a digest of its rows. `identity(cell)` is whatever
    else decides the numbers: the digest of the data, and of the plugins (`plugin_digests`).
    """
    trials = []
    for cell in study.cells:
        known = dict(identity(cell))
        conditions = study.conditions_of(cell)
        tested = (
            {"evaluate": [one.plain() for one in sorted(conditions, key=lambda one: one.name)]} if conditions else {}
        )
        witness = (min(study.seeds), next(iter(folds[cell.data_key])))
        for seed in study.seeds:
            for fold, rows in folds[cell.data_key].items():
                content = {
                    "settings": cell.resolved,
                    "seed": seed,
                    "fold": fold,
                    "rows": rows,
                    "identity": known,
                    **tested,
                }
                trials.append(Trial(content_key(content), cell, seed, fold, known, conditions, (seed, fold) == witness))
    return tuple(trials)


def plugins_used(cell: Cell) -> tuple[tuple[str, str], ...]:
    """(kind, name) of every component of a cell, those inside others included; each once, sorted."""
    settings = cell.settings
    specs = (settings.dataset, *settings.encoder.values(), settings.fusion, *settings.losses.values())
    return tuple(sorted({found for spec in specs for found in _with_inner(spec)}))


def _with_inner(spec: Spec) -> Iterator[tuple[str, str]]:
    yield spec.kind, spec.name
    for _, held in spec.inner():
        yield from _with_inner(held)


def plugin_digests(cell: Cell, catalogue: Catalogue) -> dict[str, str]:
    """{"kind:name": digest of the source} of every component of a cell, for `expand`'s `identity`."""
    return {f"{kind}:{name}": catalogue.entry(kind, name).digest for kind, name in plugins_used(cell)}
