"""Order, number of workers, kind of worker, and what ran before change no number of a trial, to the bit."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from butfor import runner
from butfor.core import ExecutorSpec
from butfor.core.engine.work import Work
from butfor.core.results import TrainResult
from butfor.plugins.executors.local import LocalSpec
from butfor.plugins.executors.serial import SerialSpec

CELLS = {"first": "does: nothing", "leaks": "does: leaks", "last": "does: nothing, seconds: 1.0"}


def digest(result: TrainResult) -> str:
    """Of all that the weights decide: the curve, the metrics, and the prediction of every row."""
    total = hashlib.sha256(repr((result.metrics, result.curve, result.selected_epoch)).encode())
    for name, values in sorted(result.predictions.items()):
        total.update(name.encode() + values.tobytes())
    return total.hexdigest()


def digested(work: Work) -> Iterator[tuple[str, str]]:
    """Key and digest of each trial."""
    for result in runner.train(work):
        assert result.state == "done", result.message
        yield result.key, digest(result)


@pytest.fixture
def works(study: Callable[..., Path]) -> list[Work]:
    """Three works: a plain trial, one whose plugin leaves everything changed, and another plain one."""
    read, catalogue = runner.read_study(study(**CELLS))
    prepared = runner.prepare(read, catalogue)
    labels = {row.cell: row.label for design in prepared.plan.designs for row in design.rows}
    wanted = {labels.get(trial.cell.key): trial.key for trial in prepared.trials}
    return [prepared.work([wanted[label]])[0] for label in CELLS]


def digests(executor: ExecutorSpec, works: Sequence[Work]) -> dict[str, str]:
    found = {}
    for _, outcome in executor.run(digested, works):
        assert not isinstance(outcome, BaseException), outcome
        found.update([outcome])
    return found


def together(works: Sequence[Work]) -> Work:
    return replace(works[0], trials=tuple(trial for work in works for trial in work.trials))


def test_every_way_to_run_gives_the_same_bits(works: list[Work], monkeypatch: pytest.MonkeyPatch) -> None:
    first, leaks, last = works
    alone = digests(SerialSpec(), [first]) | digests(SerialSpec(), [last])
    inline = digests(SerialSpec(), works)
    warm = digests(LocalSpec(jobs=1), [together([leaks, first]), leaks, last])
    two = digests(LocalSpec(jobs=2), [leaks, last, first])
    assert len({*inline}) == 3
    assert inline == warm == two
    assert {key: inline[key] for key in alone} == alone


def test_a_run_in_this_process_leaves_it_as_it_was(works: list[Work], tmp_path: Path) -> None:
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the shared generator is what is tested
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), torch.nn.functional.linear  # noqa: NPY002 - the shared generator is what is tested
    digests(SerialSpec(), works)
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), torch.nn.functional.linear  # noqa: NPY002 - the shared generator is what is tested
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert torch.get_default_dtype() == torch.float32
    assert Path.cwd() != Path("/")
    assert not torch.are_deterministic_algorithms_enabled()
    for thread in threading.enumerate():
        assert thread.daemon or thread is threading.main_thread()
