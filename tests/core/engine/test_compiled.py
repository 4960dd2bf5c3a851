"""Compiled stacks: equal to trials alone, whatever stands beside them; and what cannot be compiled is a stack."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from butfor.core import Dataset
from butfor.core.engine import stack as stack_module
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.compiled import ROWS, compiled
from butfor.core.engine.compiler import why_not_here
from butfor.core.engine.feed import Feeds
from butfor.core.engine.loop import fit
from butfor.core.engine.slots import Slots
from butfor.core.results import TrainResult
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]

needs_compiler = pytest.mark.skipif(bool(why_not_here()), reason=why_not_here())
TERMS = {"emotion": "cross_entropy", "kl": {"name": "kl_prior", "weight": 0.01, "warmup": {"start": 1, "ramp": 2}}}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is compiled here is no one else's."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
    yield
    patch.undo()


def trials(cell: CellSettings, seeds: int) -> list[Assignment]:
    rows = np.arange(240)
    fold = Fold("0", rows[:160], rows[160:200], {"test": rows[200:]})
    return [Assignment(f"{seed}", "c", cell, seed, fold) for seed in range(seeds)]


def run(assignments: list[Assignment], data: Dataset) -> dict[str, TrainResult]:
    return {result.key: result for result in Slots(assignments, Feeds(data), compiling=True).run()}


def small(cell: Cells, **changes: Any) -> CellSettings:
    train = {"epochs": 5, "batch_size": 32, "lr": 0.01, "clip": {"by": "norm", "limit": 0.1}, "scheduler": None}
    return cell(fusion="mean", losses=TERMS, train=train, **changes)


@needs_compiler
@pytest.mark.usefixtures("float64")
def test_in_double_precision_a_compiled_stack_is_its_trials(cell: Cells, data: Dataset) -> None:
    assignments = trials(small(cell), 3)
    together = run(assignments, data)
    for assignment in assignments:
        alone, row = fit(assignment, data), together[assignment.key]
        assert row.provenance["engine"] == "compiled"
        for mine, theirs in zip(row.curve, alone.curve, strict=True):
            assert mine == pytest.approx(theirs, rel=1e-10, abs=1e-12)
        for name, values in alone.predictions.items():
            np.testing.assert_allclose(row.predictions[name], values, rtol=1e-10, atol=1e-11)


@needs_compiler
def test_no_bit_of_a_compiled_stack_depends_on_who_stands_beside(cell: Cells, data: Dataset) -> None:
    """Two trials, and more than there are rows, so that some are refilled."""
    few, many = run(trials(small(cell), 2), data), run(trials(small(cell), ROWS + 3), data)
    assert len(many) == ROWS + 3
    for key, result in few.items():
        assert repr(result.curve) == repr(many[key].curve)
        for name, values in result.predictions.items():
            np.testing.assert_array_equal(values, many[key].predictions[name])


def test_what_cannot_be_compiled_is_trained_as_a_stack_and_says_why(
    cell: Cells, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no such instruction\nand more")

    monkeypatch.setattr(stack_module, "compiled", fails)
    for result in run(trials(small(cell), 2), data).values():
        assert result.state == "done"
        assert result.provenance["engine"] == "stack"
        assert result.provenance["not_compiled"] == "RuntimeError: no such instruction"


@needs_compiler
def test_a_program_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    leaf, running = torch.tensor([[1.0], [2.0]], requires_grad=True), torch.zeros(2)

    def forward(inputs: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        weights, mean = inputs
        mean.add_(1.0)
        total = (weights * weights).sum(dim=1)
        return total, {"square": total}

    total, terms, (gradient,) = compiled(forward, [leaf], [leaf, running])()
    assert total.tolist() == terms["square"].tolist() == [1.0, 4.0]
    assert gradient.tolist() == [[2.0], [4.0]]
    assert running.tolist() == [1.0, 1.0]
    monkeypatch.setattr("torch._inductor.compile", lambda graph, *_: lambda *given: [2 * x for x in graph(*given)])
    with pytest.raises(RuntimeError, match="differs by"):
        compiled(forward, [leaf], [leaf, running])


def test_without_a_compiler_nothing_is_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert shutil.which("g++") is None
    assert "neither g++ nor clang++" in why_not_here()
    monkeypatch.setenv("CXX", "/opt/c++")
    assert why_not_here() == ""
