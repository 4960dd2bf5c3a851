"""Before a structure is trained as a stack: does its stack compute what its trials compute alone, to the last bit?

Three trials that differ in seed, knobs and weights take one step, alone and as a stack, in double precision; two and
three rows take one in single precision. What fails is trained one at a time, with the reason. A stack on a GPU has to
compute what its trials compute alone on the processor, and rows in other places of it have to have the same bits.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from ..failures import is_out_of_memory
from .blame import Parts
from .devices import CPU, GPU_ROWS
from .feed import Feeds
from .generators import kept_generators
from .loop import one_thread
from .model import System
from .noise import ServedNoise
from .plain import attributes
from .promises import watch
from .rules import Draws, RefusedError, calls, check_dtypes, check_keeps, of_fixed_dtype, raised, unrepeatable
from .stack import RowStep, Stack
from .structure import moved, not_stackable, tops, with_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from ..dataset import Dataset
    from ..study.settings import CellSettings
    from .assignment import Assignment
    from .feed import Feed

TOLERANCE = 1e-9
"""Largest difference in double precision, relative to the largest element: rounding stays below 1e-12."""


def probe(assignment: Assignment, data: Dataset, device: str = CPU) -> str:
    """Why the structure of `assignment` is not trained as a stack on a device; empty where it can be."""
    reason = not_stackable(assignment.settings)
    return reason or _told(assignment, lambda: _structure(assignment, data, device))


def probe_union(assignments: Sequence[Assignment], whole: CellSettings, data: Dataset, device: str = CPU) -> str:
    """Why trials of several structures do not share the program of their union `whole`; empty where they may.

    They may where every bit is as in a stack of their own.
    """
    first = assignments[0]
    return _told(
        first, lambda: next(filter(None, (_Probe(one, data, device).within(whole) for one in assignments)), "")
    )


def _structure(assignment: Assignment, data: Dataset, device: str) -> str:
    probe_ = _Probe(assignment, data, device)
    check_dtypes(probe_.system(0), probe_.parts)
    with _dtype(torch.float64):
        there = _Probe(assignment, data, device)
        reason = there.against(there if device == CPU else _Probe(assignment, data, CPU))
    return reason or probe_.whatever_beside()


def _told(assignment: Assignment, question: Callable[[], str]) -> str:
    """Raises what says that memory ran out: another time it may not."""
    try:
        with kept_generators(), one_thread():
            return question()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return raised(error, Parts(assignment.settings))


@contextmanager
def _dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class _Probe:
    """Three trials of one structure, ready for a step."""

    def __init__(self, assignment: Assignment, data: Dataset, device: str) -> None:
        settings = assignment.settings
        self.parts = Parts(settings)
        self.data, self.fold, self.device = data, assignment.fold, device
        self.feed: Feed = self._feed(settings)
        self.size = self.feed.batch_size(settings.train.batch_size)
        self.epoch = settings.train.epochs - 1
        self.streams = [(assignment.seed + row, assignment.fold.name) for row in range(3)]
        self._own = self._kept(settings)
        self.cells = [settings, self._other(settings, 0.9), self._other(settings, 1.1)]
        batches = [self.feed.training_rows(0, settings.train.batch_size, *stream) for stream in self.streams]
        self.rows = [next(batch) for batch in batches]

    def _feed(self, settings: CellSettings) -> Feed:
        feeds = Feeds(self.data, device=self.device)
        return feeds.feed(self.fold, settings.modalities, standardised=settings.dataset.standardise)

    def _other(self, settings: CellSettings, factor: float) -> CellSettings:
        """The same with every knob and weight moved a little, but those of a part that keeps them in Python.

        Cells that differ in what is kept there do not stand in one stack.
        """
        changes = {path: moved(spec, factor) for path, spec in tops(settings)}
        while True:
            other = settings
            for path, spec in changes.items():
                other = with_part(other, path, spec)
            kept = self._kept(other)
            odd = [path for path in changes if kept[path] != self._own[path]]
            if not odd:
                return other
            for path in odd:
                del changes[path]

    def _kept(self, settings: CellSettings) -> dict[str, dict[str, str]]:
        """{path: attributes} of every part."""
        system = System(settings, self.data, *self.streams[0])
        return {path: attributes(system.get_submodule(path)) for path, _ in tops(settings)}

    def system(self, row: int) -> System:
        return System(self.cells[row], self.data, *self.streams[row]).to(self.device).train()

    def left(self, system: System, row: int) -> Tensor:
        return system.left(self.feed.recorded[self.rows[row]], self.epoch, 0)

    def stacked(self, num: int, whole: CellSettings | None = None, first: int = 0) -> Stack:
        """A step of `num` trials together, from row `first` on, as rows of their own program or of that of `whole`."""
        systems = [self.system(row) for row in range(num)]
        program = System(whole, self.data, *self.streams[0]).to(self.device) if whole else self.system(0)
        stack = Stack(self._rows(num), program, self._feed(whole) if whole else self.feed, self.size)
        for row, system in enumerate(systems, start=first):
            stack.rows.load(row, system)
            stack.admit(row, self.feed.features)
            stack.set_row(row, self.epoch, system.weights(self.epoch))
        keys = [ServedNoise(*stream, "noise").keys for stream in self.streams]
        stack.fill(
            RowStep(first + row, self.feed, self.rows[row], self.left(systems[row], row), keys[row], 0)
            for row in range(num)
        )
        stack.step()
        return stack

    def _rows(self, num: int) -> int:
        """Rows of a stack for so many trials."""
        return num if self.device == CPU else max(num, GPU_ROWS)

    def alone(self, row: int) -> dict[str, Tensor]:
        """Gradients, buffers and values of a trial's own step. Raises RefusedError where it breaks a rule."""
        system = self.system(row)
        noise = Draws(*self.streams[row], "noise").attach(system)
        watch(system)
        found = self._step(system, noise, row)
        for draw, where in zip(noise.record, noise.lines, strict=True):
            if where:
                told = f"{self.parts.at(draw.site).told} draws inside torch's {draw.kind}"
                raise RefusedError(f"{told}; rows are served nn.Dropout, torch.rand_like and torch.randn_like{where}")
        return found

    def steady(self) -> None:
        """That passes of a trial leave nothing behind but values of buffers, and that a second one has its bits."""
        system = self.system(0)
        noise = ServedNoise(*self.streams[0], "noise").attach(system)
        watch(system)
        start = {name: value.detach().clone() for name, value in _tensors(system)}

        def again() -> dict[str, Tensor]:
            with torch.no_grad():
                for name, value in _tensors(system):
                    value.copy_(start.get(name, value))
            return self._step(system.train(), noise, 0)

        def passes() -> None:
            again()
            again()
            noise.begin(-1)
            with noise, torch.no_grad():
                system.eval()(self.feed.batch(self.rows[0]), self.epoch, -1)

        check_keeps(system, self.parts, passes)
        first, second = again(), again()
        for name, value in first.items():
            if not torch.equal(value.nan_to_num(), second[name].nan_to_num()):
                part = self.parts.at(unrepeatable(calls(system, again), calls(system, again)))
                raise RefusedError(f"{part.told} gives something else in a second pass: it draws unseen numbers")

    def _step(self, system: System, noise: ServedNoise, row: int) -> dict[str, Tensor]:
        noise.begin(0)
        batch = self.feed.batch(self.rows[row])
        left = self.left(system, row).to(batch.present.device)
        with noise:
            outputs, seen = system.compute(batch, left, self.epoch)
            total, terms = system.terms(outputs, seen)
        found = {f"value of {name}": value.detach() for name, value in (("loss", total), *terms.items())}
        parameters = {name: p for name, p in system.named_parameters() if p.requires_grad}
        grads = torch.autograd.grad(total, list(parameters.values()), materialize_grads=True)
        for name, grad in zip(parameters, grads, strict=True):
            if grad.layout != torch.strided:
                raise RefusedError(
                    f"{self.parts.at(name).told} has a sparse gradient, of {name}; leave sparse=True out"
                )
            found[f"gradient of {name}"] = grad
        return found | {f"buffer {name}": buffer.clone() for name, buffer in system.named_buffers()}

    def against(self, other: _Probe) -> str:
        """The first thing in which the stack differs from its trials, each alone on the other's device.

        In double precision.
        """
        try:
            alone = [other.alone(row) for row in range(3)]
        except RuntimeError as error:
            reason = self._fixed()
            raise RefusedError(reason) if reason else error from error
        self.steady()
        stack = self.stacked(3)
        for row in range(3):
            together = _found(stack, row)
            for name, value in alone[row].items():
                if not bool(value.isfinite().all()):
                    return f"the {name} has NaN or infinity in the first step"
                difference = (together[name].to(value) - value).abs().max() if value.numel() else value.new_zeros(())
                if not bool(difference <= TOLERANCE * max(1.0, float(value.abs().max() if value.numel() else 0.0))):
                    return f"{name} differs by {float(difference):.1e} between a stack and the trial alone{self._why()}"
        return ""

    def _fixed(self) -> str:
        """Why a part that computes in single precision, whatever it is given, is not stacked; empty where none does."""
        name = of_fixed_dtype(calls(*self._pass(0)))
        told = "fixes a dtype, so that it cannot be checked in double precision; take the dtype of the inputs"
        return f"{self.parts.at(name).told} {told}" if name else ""

    def _why(self) -> str:
        """What may make a difference: tensors of a trial's own that are no buffers, a dtype that is fixed."""
        told = []
        for system, run in map(self._pass, range(2)):
            run()
            told.append(attributes(system))
        odd = next((name for name, value in told[0].items() if "." in name and told[1].get(name) != value), "")
        kept = f"{self.parts.at(odd).told} keeps '{odd.rpartition('.')[2]}', which rows would share; make it a buffer"
        reason = kept if odd else self._fixed()
        return f": {reason}" if reason else ""

    def _pass(self, row: int) -> tuple[System, Callable[[], object]]:
        system = self.system(row)
        noise = ServedNoise(*self.streams[row], "noise").attach(system)
        return system, lambda: self._step(system, noise, row)

    def whatever_beside(self) -> str:
        """The first bits that depend on how many rows there are."""
        apart = 0 if self.device == CPU else 5
        two, three = self.stacked(2), self.stacked(3, first=apart)
        for row in range(2):
            beside = _found(three, row + apart)
            for name, value in _found(two, row).items():
                if not torch.equal(value.nan_to_num(), beside[name].nan_to_num()):
                    return f"{name} has other bits beside two other rows than beside one"
        return ""

    def within(self, whole: CellSettings) -> str:
        """The first bits that are others in the program of `whole`, a cell with more modalities or terms."""
        more = dict(System(whole, self.data, *self.streams[0]).named_parameters())
        for name, parameter in self.system(0).named_parameters():
            if name not in more or more[name].shape != parameter.shape:
                return f"{name} has another shape where more modalities or terms take part"
        own, inside = self.stacked(2), self.stacked(2, whole)
        for row in range(2):
            beside = _found(inside, row)
            for name, value in _found(own, row).items():
                if not torch.equal(value.nan_to_num(), beside.pop(name).nan_to_num()):
                    return f"{name} has other bits where more modalities or terms take part"
            moved = [name for name, value in beside.items() if name.startswith("gradient of ") and value.any()]
            if moved:
                return f"{moved[0]} is not zero in a trial that has no such part"
        return ""


def _tensors(system: System) -> Iterator[tuple[str, Tensor]]:
    yield from system.named_parameters()
    yield from system.named_buffers()


def _found(stack: Stack, row: int) -> dict[str, Tensor]:
    """The same names as `_Probe.alone` gives."""
    values = dict(zip(stack.terms, stack.sums[row].to(torch.get_default_dtype()), strict=True))
    found = {f"value of {name.removeprefix('loss.')}": value for name, value in values.items()}
    found |= {f"gradient of {name}": grad[row] for name, grad in stack.rows.grads.items()}
    return found | {f"buffer {name}": buffer[row] for name, buffer in stack.rows.buffers.items()}
