"""Before a structure is trained as a stack: does its stack compute what its trials compute alone, to the last bit?

Three trials that differ in seed, knobs and weights take one step, alone and as a stack, in double precision; two and
three rows take one in single precision. What fails is trained one at a time, with the reason.
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import ValidationError

from .feed import Feeds
from .loop import one_thread
from .model import System
from .noise import RecordedNoise, ServedNoise
from .plain import attributes
from .stack import RowStep, Stack
from .structure import not_stackable, tops, with_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from ..dataset import Dataset
    from ..specs import Spec
    from ..study.settings import CellSettings
    from .assignment import Assignment
    from .feed import Feed

TOLERANCE = 1e-9
"""Largest difference in double precision, relative to the largest element: rounding stays below 1e-12."""


def probe(assignment: Assignment, data: Dataset) -> str:
    """Why the structure of `assignment` is not trained as a stack; empty where it can be."""
    reason = not_stackable(assignment.settings)
    return reason or _told(lambda: _structure(assignment, data))


def probe_union(assignments: Sequence[Assignment], whole: CellSettings, data: Dataset) -> str:
    """Why trials of several structures do not share the program of their union `whole`; empty where they may.

    They may where every bit is as in a stack of their own.
    """
    return _told(lambda: next(filter(None, (_Probe(one, data).within(whole) for one in assignments)), ""))


def _structure(assignment: Assignment, data: Dataset) -> str:
    with _dtype(torch.float64):
        reason = _Probe(assignment, data).against_alone()
    return reason or _Probe(assignment, data).whatever_beside()


def _told(question: Callable[[], str]) -> str:
    try:
        with torch.random.fork_rng(devices=[]), one_thread():
            return question()
    except Exception as error:  # noqa: BLE001 - whatever torch or a plugin raises under torch.func is a reason
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}{_where(error)}"


@contextmanager
def _dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _where(error: BaseException) -> str:
    """The innermost line of the error that is neither torch's nor the engine's."""
    machinery = (str(Path(torch.__file__).parent), str(Path(__file__).parent))
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(machinery)]
    return f" ({frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line})" if frames else ""


class _Probe:
    """Three trials of one structure, ready for a step."""

    def __init__(self, assignment: Assignment, data: Dataset) -> None:
        settings = assignment.settings
        self.data, self.fold = data, assignment.fold
        self.feed: Feed = self._feed(settings)
        self.size = self.feed.batch_size(settings.train.batch_size)
        self.epoch = settings.train.epochs - 1
        self.streams = [(assignment.seed + row, assignment.fold.name) for row in range(3)]
        self.cells = [settings, self._other(settings, 0.9), self._other(settings, 1.1)]
        batches = [self.feed.training_rows(0, settings.train.batch_size, *stream) for stream in self.streams]
        self.rows = [next(batch) for batch in batches]

    def _feed(self, settings: CellSettings) -> Feed:
        return Feeds(self.data).feed(self.fold, settings.modalities, standardised=settings.dataset.standardise)

    def _other(self, settings: CellSettings, factor: float) -> CellSettings:
        """The same with every knob and weight moved a little, but those of a part that keeps them in Python.

        Cells that differ in what is kept there do not stand in one stack.
        """
        other = settings
        for path, spec in tops(settings):
            moved = with_part(other, path, _moved(spec, factor))
            other = moved if self._kept(moved, path) == self._kept(settings, path) else other
        return other

    def _kept(self, settings: CellSettings, path: str) -> dict[str, str]:
        return attributes(System(settings, self.data, *self.streams[0]).get_submodule(path))

    def system(self, row: int) -> System:
        return System(self.cells[row], self.data, *self.streams[row]).train()

    def left(self, system: System, row: int) -> Tensor:
        return system.left(self.feed.present[self.rows[row]], self.epoch, 0)

    def stacked(self, num: int, whole: CellSettings | None = None) -> Stack:
        """A step of the first `num` trials together, as rows of their own program or of that of `whole`."""
        systems = [self.system(row) for row in range(num)]
        program = System(whole, self.data, *self.streams[0]) if whole else self.system(0)
        stack = Stack(num, program, self._feed(whole) if whole else self.feed, self.size)
        for row, system in enumerate(systems):
            stack.rows.load(row, system)
            stack.admit(row, self.feed.features)
            stack.set_row(row, self.epoch, system.weights(self.epoch))
        keys = [ServedNoise(*stream, "noise").keys for stream in self.streams]
        stack.fill(
            RowStep(row, self.feed, self.rows[row], self.left(systems[row], row), keys[row], 0) for row in range(num)
        )
        stack.step([float("inf")] * num)
        return stack

    def alone(self, row: int) -> tuple[dict[str, Tensor], str]:
        """Gradients, buffers and values of a trial's own step, and what it draws that no stack can serve."""
        system = self.system(row)
        noise = RecordedNoise(*self.streams[row], "noise").attach(system)
        noise.begin(0)
        batch = self.feed.batch(self.rows[row])
        with noise:
            outputs, seen = system.compute(batch, self.left(system, row), self.epoch)
            total, terms = system.terms(outputs, seen)
        found = {f"value of {name}": value.detach() for name, value in (("loss", total), *terms.items())}
        parameters = {name: p for name, p in system.named_parameters() if p.requires_grad}
        grads = torch.autograd.grad(total, list(parameters.values()), materialize_grads=True)
        found |= {f"gradient of {name}": grad for name, grad in zip(parameters, grads, strict=True)}
        found |= {f"buffer {name}": buffer for name, buffer in system.named_buffers()}
        unserved = [draw for draw in noise.record if draw.kind not in ("uniform", "normal")]
        return found, f"'{unserved[0].site}' draws inside torch's {unserved[0].kind}" if unserved else ""

    def against_alone(self) -> str:
        """The first thing in which the stack differs from its trials, in double precision."""
        alone = [self.alone(row) for row in range(3)]
        for _, unserved in alone:
            if unserved:
                return unserved
        again, _ = self.alone(0)
        for name, value in alone[0][0].items():
            if not torch.equal(value, again[name]) and not value.isnan().any():
                return f"{name} differs from one pass to the next with the same noise: something draws unseen numbers"
        stack = self.stacked(3)
        for row in range(3):
            together = _found(stack, row)
            for name, value in alone[row][0].items():
                difference = (together[name] - value).abs().max() if value.numel() else value.new_zeros(())
                if not bool(difference <= TOLERANCE * max(1.0, float(value.abs().max() if value.numel() else 0.0))):
                    return f"{name} differs by {float(difference):.1e} between a stack and the trial alone"
        return ""

    def whatever_beside(self) -> str:
        """The first bits that depend on how many rows there are."""
        two, three = self.stacked(2), self.stacked(3)
        for row in range(2):
            beside = _found(three, row)
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


def _found(stack: Stack, row: int) -> dict[str, Tensor]:
    """The same names as `_Probe.alone` gives."""
    values = dict(zip(stack.terms, stack.sums[row].to(torch.get_default_dtype()), strict=True))
    found = {f"value of {name.removeprefix('loss.')}": value for name, value in values.items()}
    found |= {f"gradient of {name}": grad[row] for name, grad in stack.rows.grads.items()}
    return found | {f"buffer {name}": buffer[row] for name, buffer in stack.rows.buffers.items()}


def _moved(spec: Spec, factor: float) -> Any:  # noqa: ANN401 - a spec of the same kind
    """`spec` with its knobs times `factor`, or over it where that is not allowed, with what it holds."""
    changes: dict[str, Any] = {field: _moved(held, factor) for field, held in spec.inner()}
    for knob in spec.knobs():
        for value in (getattr(spec, knob) * factor, getattr(spec, knob) / factor):
            try:
                type(spec).model_validate({**dict(spec), knob: value})
            except ValidationError:
                continue
            changes[knob] = value
            break
    return spec.model_copy(update=changes)
