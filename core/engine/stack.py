"""Many trials of one structure, trained as one: their forward and backward passes are a single program.

Module authors write modules for one trial; `torch.func` runs them over rows. Every row has its own weights, knobs,
fold, order, noise and optimiser, and its numbers are the same whichever rows stand beside it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.utils._pytree import tree_map

from ..batch import Batch
from ..failures import failure_of
from .compiled import compiled
from .devices import CPU
from .flat import FlatRows
from .flat_linear import FlatLinear
from .noise import HandedNoise, RecordedNoise, fill
from .replay import differentiated, traced

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from torch import Tensor

    from .feed import Feed
    from .model import System
    from .noise import Draw, Site, SiteKeys
    from .replay import Forward, Pass, Passed

    _Inputs = tuple[
        Mapping[str, Tensor], tuple[Batch, Tensor, Tensor], Mapping[str, Tensor], Mapping[tuple[str, int], Tensor]
    ]

TRACE_AFTER = 2
"""Passes of a stack before it is traced."""
TRACE_AHEAD = 64
"""Passes that must still be ahead: they save what tracing costs, whatever the rows."""


class Program(nn.Module):
    """A system and its loss as one function of a batch."""

    def __init__(self, system: System) -> None:
        super().__init__()
        self.system = system

    def forward(
        self, batch: Batch, left: Tensor, epoch: Tensor, weights: Mapping[str, float | Tensor], *, holding: bool = True
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted total and each term before its weight."""
        outputs, seen = self.system.compute(batch, left, epoch)
        return self.system.terms(outputs, seen, weights, holding=holding)


class RowStep(NamedTuple):
    """The inputs of one step of one row."""

    row: int
    feed: Feed
    rows: Tensor
    """(B,) samples."""
    left: Tensor
    """(B, M) bool: what modality dropout leaves of the modalities of the feed."""
    keys: SiteKeys
    step: int


class Stack:
    """K rows of one program: inputs that are filled row by row, and a step for all of them.

    A row may have fewer modalities and loss terms than the program: `admit` tells which.
    """

    def __init__(self, num_rows: int, system: System, feed: Feed, batch_size: int, *, compiling: bool = False) -> None:
        self.program = Program(system.train())
        self.rows = FlatRows(num_rows, system)
        self.noise = HandedNoise()
        self.noise.site.attach(system)
        self.off = {term: 0.0 for term, spec in system.cell.losses.items() if not spec.weight}
        self.terms = ("loss", *(f"loss.{term}" for term in system.cell.losses))
        self._feed = feed
        self.draws = draws_of(system, feed, batch_size, self.noise.site)
        self.compiling = compiling
        self.not_compiled = ""
        self._compiled: Pass | None = None
        self._generator = torch.Generator()
        example = feed.batch(torch.zeros(batch_size, dtype=torch.int64))
        self._make_inputs(num_rows, example)

    def _make_inputs(self, num_rows: int, example: Batch) -> None:
        def room(like: Tensor) -> Tensor:
            return like.new_zeros(num_rows, *like.shape)

        features = {m: room(x) for m, x in example.features.items()}
        present = room(example.present)
        self.batch = Batch(
            features=features,
            complete=features,
            lengths={m: room(n) for m, n in example.lengths.items()},
            present=present,
            recorded=present,
            targets={t: room(y) for t, y in example.targets.items()},
            labelled={t: room(y) for t, y in example.labelled.items()},
            rows=room(example.rows),
        )
        self.left = torch.zeros_like(present)
        self.allowed = present.new_zeros(num_rows, present.shape[-1])
        self.epochs = self.batch.rows.new_zeros(num_rows)
        on = [term for term in self.program.system.cell.losses if term not in self.off]
        self.weights = {term: present.new_ones(num_rows, dtype=torch.get_default_dtype()) for term in on}
        self.noises = {(d.site, d.number): present.new_zeros(num_rows, *d.shape, dtype=d.dtype) for d in self.draws}
        self.sums = present.new_zeros(num_rows, len(self.terms), dtype=torch.float64)
        self._passes = {True: 0, False: 0}
        self._replays: dict[bool, Pass | None] = {True: None, False: None}
        self._holding = False
        self._places = {m: list(x) for m, x in features.items()}
        written = (self.batch.rows, self.left, self.allowed, *self.noises.values())
        self._drafts = [(x if self._feed.device == CPU else _draft(x), x) for x in written]
        (self._rows, _), (self._left, _), (self._allowed, _), *noises = self._drafts
        self._left.fill_(True)
        self._allowed.fill_(True)
        self._noise_rows = [
            (site, draw.kind, list(draft))
            for draw, site, (draft, _) in zip(self.draws, self.noises, noises, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def admit(self, row: int, modalities: Collection[str]) -> None:
        """Let `row` be a trial of these modalities: the others are absent from all its samples."""
        self._allowed[row] = torch.tensor([modality in modalities for modality in self._places])
        self._left[row] = False
        for modality, places in self._places.items():
            if modality not in modalities:
                places[row].zero_()

    def set_row(self, row: int, epoch: int, weights: Mapping[str, float]) -> None:
        """Begin an epoch of `row`: its number, the weights of its terms (absent ones: 0), and sums from zero."""
        self.epochs[row] = epoch
        self.sums[row] = 0.0
        for term, values in self.weights.items():
            values[row] = weights.get(term, 0.0)
        self._holding = self._waits()

    def _waits(self) -> bool:
        """Whether a term of some row has no weight."""
        return any(bool((values <= 0).any()) for values in self.weights.values())

    def fill(self, steps: Iterable[RowStep]) -> None:
        """The inputs of the next step: samples, presence and noise of each row."""
        tables: list[tuple[int, Mapping[str, Tensor]]] = []
        for row, feed, rows, left, keys, step in steps:
            self._rows[row] = rows
            everything = len(feed.features) == len(self._places)
            self._left[row, :, slice(None) if everything else self._allowed[row]] = left
            for site, kind, noises in self._noise_rows:
                fill(noises[row], kind, self._generator, keys.at(site, step))
            tables.append((row, feed.features))
        for draft, place in self._drafts:
            if draft is not place:
                place.copy_(draft)
        for row, features in tables:
            for modality, table in features.items():
                torch.index_select(table, 0, self.batch.rows[row], out=self._places[modality][row])
        self._feed.fill(self.batch)
        self.batch.present.logical_and_(self.allowed[:, None])

    def narrow(self, rows: list[int]) -> None:
        """Keep only `rows`, in this order."""
        self.rows.narrow(rows)
        example = self.batch
        old = (self.epochs, self.sums, self.weights, self._allowed)
        self._make_inputs(len(rows), cast("Batch", tree_map(lambda part: part[0], example)))
        chosen = torch.tensor(rows)
        self.epochs, self.sums = old[0][chosen], old[1][chosen]
        self.weights = {term: values[chosen] for term, values in old[2].items()}
        self._holding = self._waits()
        self._allowed.copy_(old[3][chosen])
        self._left &= self._allowed[:, None]

    def step(self, ahead: Callable[[], int] = lambda: 0) -> None:
        """One pass of all rows: gradients go into the rows, values onto `sums`.

        `ahead` tells how many passes may still come: many are worth a trace.
        """
        total, terms, found = self._compiled_pass() if self.compiling else self._pass(ahead)
        self.rows.take(found)
        self.sums += torch.stack([total, *terms.values()], dim=1).detach()

    def _pass(self, ahead: Callable[[], int] = lambda: 0) -> Passed:
        holding = self._holding
        forward = partial(self._forward, holding=holding)
        self._passes[holding] += 1
        if self._passes[holding] == TRACE_AFTER and ahead() >= TRACE_AHEAD:
            self._replays[holding] = self._traced(forward)
        replay = self._replays[holding]
        return replay() if replay else differentiated(forward, list(self.rows.leaves.values()), self._inputs())

    def _traced(self, forward: Forward) -> Pass | None:
        """The pass as a replay; None where it cannot be traced, which costs time alone."""
        try:
            leaves, gradients = list(self.rows.leaves.values()), list(self.rows.grads.values())
            return traced(forward, leaves, self._inputs(), gradients, self._trial())
        except Exception as error:
            if failure_of(error).kind == "out of memory":
                raise
            return None

    @torch.no_grad()
    def _trial(self) -> _Inputs:
        """Inputs of which no two rows, epochs or weights are alike, and nothing is zero, absent or present throughout.

        At the second step much is: a replay that is right there could be wrong later.
        """
        draw = torch.Generator().manual_seed(0)

        def moved(value: Tensor) -> Tensor:
            shift = torch.rand(value.shape, generator=draw, dtype=torch.float64).to(value.device)
            if value.dtype == torch.bool:
                return value & (shift < 0.5)  # noqa: PLR2004 - about half of them
            return (value * (1 + 0.01 * shift) + 0.01 * shift).to(value.dtype) if value.is_floating_point() else value

        state, (batch, left, epochs), weights, noises = self._inputs()
        rows = torch.arange(len(self), device=epochs.device)
        batch = cast("Batch", tree_map(moved, batch))
        held = (rows % 2 if self._holding else rows.new_zeros(())).bool()
        other = {term: (~held * (1 + 0.1 * rows)).to(values.dtype) for term, values in weights.items()}
        return tree_map(moved, state), (batch, moved(left), epochs + rows), other, noises

    def _compiled_pass(self) -> Passed:
        """The same, compiled at the first pass; as it was where that fails."""
        if self._compiled is None:
            try:
                self._compiled = compiled(self._forward, list(self.rows.leaves.values()), self._inputs())
            except Exception as error:  # noqa: BLE001 - whatever the compiler raises is a reason
                self.compiling = False
                self.not_compiled = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
                return self._pass()
        return self._compiled()

    def _inputs(self) -> _Inputs:
        state = {f"system.{name}": value for name, value in {**self.rows.leaves, **self.rows.buffers}.items()}
        return state, (self.batch, self.left, self.epochs), self.weights, self.noises

    def _forward(self, inputs: _Inputs, *, holding: bool = True) -> tuple[Tensor, dict[str, Tensor]]:
        def one(
            state: Mapping[str, Tensor],
            passed: tuple[Batch, Tensor, Tensor],
            weights: Mapping[str, Tensor],
            noises: Mapping[tuple[str, int], Tensor],
        ) -> tuple[Tensor, dict[str, Tensor]]:
            self.noise.begin(noises)
            ordered = {term: self.off.get(term, weights.get(term, 0.0)) for term in self.program.system.cell.losses}
            with self.noise, FlatLinear():
                return cast(
                    "tuple[Tensor, dict[str, Tensor]]",
                    functional_call(self.program, dict(state), (*passed, ordered), {"holding": holding}),
                )

        return vmap(one)(*inputs)


def _draft(place: Tensor) -> Tensor:
    """A place for the same on the processor, from which a GPU reads by itself."""
    return torch.zeros_like(place, device=CPU, pin_memory=place.is_cuda)


def draws_of(system: System, feed: Feed, batch_size: int, site: Site) -> Sequence[Draw]:
    """Every draw of a training pass, in order: one pass is run. `site` follows the modules of `system`."""
    noise = RecordedNoise("record", site=site)
    batch = feed.batch(torch.arange(batch_size))
    noise.begin(0)
    with noise, torch.no_grad():
        outputs, seen = system.compute(batch, batch.present, 0)
        system.terms(outputs, seen)
    return noise.record
