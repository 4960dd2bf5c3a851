"""Local executor: trials in processes of this machine, one torch thread each."""

from __future__ import annotations

import multiprocessing
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ...core import ExecutorSpec, TrainingError, hookimpl
from .workers.crew import Crew, Rules
from .workers.nursery import Lent, Nursery
from .workers.spawned import Spawner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .workers.crew import Starter


_waiting: dict[str, Nursery] = {}
"""What was started early, by the module that it has loaded."""


class LocalSpec(ExecutorSpec):
    """Train in worker processes: one a core and one thread each, since threads that share cores stall each other."""

    name: Literal["local"] = "local"
    """Which plugin."""

    jobs: int = Field(default=0, ge=0)
    """Number of workers; 0 takes one for each core that this process may use."""

    isolate: bool = False
    """Give every item a process of its own, instead of workers that stay warm."""

    time_limit: float = Field(default=0.0, ge=0)
    """Seconds that a trial may take; 0 sets no limit. Counted anew from each result."""

    memory_limit: int = Field(default=0, ge=0)
    """MiB of address space that a worker may take beyond what it starts with; 0 sets no limit. Not on every system."""

    linger: float = Field(default=10.0, ge=0)
    """Seconds that running trials have to end after the first Ctrl-C or SIGTERM."""

    logs: str = ""
    """Folder for what each item prints; empty keeps the logs of failed items only, in a temporary folder."""

    start: Literal["auto", "forkserver", "spawn"] = "auto"
    """How workers start: forked from a process that has loaded torch, or fresh. `auto`: forked where there is fork."""

    def workers(self) -> int:
        """How many items run at once."""
        return self.jobs or _cores()

    def run(self, work: Callable[[Any], Iterable[Any]], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield outcomes as they come. An item that fails, however it fails, costs itself and no other."""
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise TrainingError(
                "workers cannot start while the main module is being imported: "
                "put what your script does under `if __name__ == '__main__':`"
            )
        rules = Rules(self.workers(), self.isolate, self.time_limit, self.memory_limit, self.linger, self.logs)
        yield from Crew(rules, work, self._starter(work)).run(items)

    @contextmanager
    def ready(self, module: str) -> Iterator[None]:
        """Inside, a process that workers are forked from has loaded `module`, or does so while something else goes on.

        It serves every run of what stands in the module, and starts once however often it is asked for.
        """
        if not self._forks() or module in _waiting:
            yield
            return
        nursery = Nursery([module])
        nursery.launch()
        _waiting[module] = nursery
        try:
            yield
        finally:
            del _waiting[module]
            nursery.close()

    def _forks(self) -> bool:
        return self.start == "forkserver" or (self.start == "auto" and hasattr(os, "fork"))

    def _starter(self, work: Callable[[Any], Iterable[Any]]) -> Starter:
        if not self._forks():
            return Spawner()
        module = getattr(work, "__module__", "__main__")
        early = _waiting.get(module)
        if early is not None and not early.lent and early.is_as_if_new():
            return Lent(early)
        return Nursery([] if module == "__main__" else [module])


def _cores() -> int:
    """Cores that this process may use; all of the machine's where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@hookimpl
def register_executors() -> Iterable[type[ExecutorSpec]]:
    """Offer it."""
    return [LocalSpec]
