"""Local executor: trials in processes of this machine, one torch thread each."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ...core import ExecutorSpec, TrainingError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class LocalSpec(ExecutorSpec):
    """Train in worker processes: one a core and one thread each, since threads that share cores stall each other."""

    name: Literal["local"] = "local"
    """Which plugin."""

    jobs: int = Field(default=0, ge=0)
    """Number of workers; 0 takes one for each core that this process may use."""

    def run(self, work: Callable[[Any], Iterable[Any]], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield items as they finish. A worker that dies fails the item it was on and no other."""
        pending = list(items)
        workers = max(1, min(self.jobs or _cores(), len(pending)))
        suspects: list[Any] = []
        yield from _pooled(work, pending, workers, suspects)
        for item in suspects:
            broken: list[Any] = []
            yield from _pooled(work, [item], 1, broken)
            if broken:
                yield item, TrainingError("the worker process died (killed, out of memory, or a crash in native code)")


def _cores() -> int:
    """Cores that this process may use; all of the machine's where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pooled(
    work: Callable[[Any], Iterable[Any]], items: list[Any], workers: int, suspects: list[Any]
) -> Iterator[tuple[Any, Any]]:
    """Yield finished items; those that were unfinished when a worker died go to `suspects`."""
    if not items:
        return
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(["torch"])
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread)
    waiting: set[Future[Any]] = set()
    try:
        futures: dict[Future[Any], Any] = {pool.submit(_outcomes, work, item): item for item in items}
        waiting = set(futures)
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    suspects.append(futures[future])
                else:
                    for outcome in [error] if error else future.result():
                        yield futures[future], outcome
    finally:
        if waiting:  # left before the end: nobody reads what the workers still do
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
        pool.shutdown(wait=False, cancel_futures=True)


def _outcomes(work: Callable[[Any], Iterable[Any]], item: Any) -> list[Any]:  # noqa: ANN401 - whatever is worked on
    """All that an item yields, and the exception that ended it, if one did."""
    outcomes: list[Any] = []
    try:
        outcomes.extend(work(item))
    except Exception as error:  # noqa: BLE001 - a failed trial is a result, not a crash
        outcomes.append(error)
    return outcomes


def _one_thread() -> None:
    """Set before the first operator runs: more threads than cores is many times slower, not faster.

    Ctrl-C is for the parent, which ends its workers.
    """
    import torch  # noqa: PLC0415 - in the worker, not in the parent

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


@hookimpl
def register_executors() -> Iterable[type[ExecutorSpec]]:
    """Offer it."""
    return [LocalSpec]
