"""Executors: every item has one outcome, and a bad one costs itself alone."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator

import pytest
import torch

from butfor.core import ExecutorSpec, TrainingError
from butfor.plugins.executors.local import LocalSpec
from butfor.plugins.executors.serial import SerialSpec


def work(item: int) -> Iterator[int]:
    if item == 3:
        raise ValueError("three")
    yield item * item


def threads(_: int) -> Iterator[int]:
    yield torch.get_num_threads()


def dies(item: int) -> Iterator[int]:
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    yield item


@pytest.mark.parametrize("executor", [SerialSpec(), LocalSpec(jobs=2)])
def test_every_item_has_its_outcome_and_an_exception_is_one(executor: ExecutorSpec) -> None:
    outcomes = dict(executor.run(work, range(6)))
    error = outcomes.pop(3)
    assert outcomes == {0: 0, 1: 1, 2: 4, 4: 16, 5: 25}
    assert isinstance(error, ValueError)


def test_workers_have_one_torch_thread() -> None:
    assert dict(LocalSpec(jobs=1).run(threads, [0])) == {0: 1}


def test_a_worker_that_is_killed_fails_its_item_and_no_other() -> None:
    outcomes = dict(LocalSpec(jobs=2).run(dies, range(6)))
    error = outcomes.pop(2)
    assert outcomes == {i: i for i in (0, 1, 3, 4, 5)}
    assert isinstance(error, TrainingError)


def sleeps(item: int) -> Iterator[int]:
    if item:
        time.sleep(60)
    yield item


def test_leaving_early_ends_the_workers() -> None:
    running = LocalSpec(jobs=2).run(sleeps, range(4))
    assert next(running) == (0, 0)
    started = time.perf_counter()
    running.close()
    while multiprocessing.active_children() and time.perf_counter() - started < 20:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def test_no_work_is_no_trouble() -> None:
    assert list(LocalSpec().run(work, [])) == []
