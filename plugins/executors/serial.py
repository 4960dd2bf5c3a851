"""Serial executor: one trial after the other, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ...core import ExecutorSpec, hookimpl
from ...core.failures import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class SerialSpec(ExecutorSpec):
    """Train one trial after the other in this process: for debugging, and for a machine with one core."""

    name: Literal["serial"] = "serial"
    """Which plugin."""

    def run(self, work: Callable[[Any], Iterable[Any]], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield each outcome of each item, in order; an exception or a `sys.exit` is an outcome.

        Between two outcomes the process is put back into the state in which the run found it.
        """
        from ...core.ambient import Ambient  # noqa: PLC0415 - needs torch, and describing an executor does not

        with Ambient() as ambient:
            for item in items:
                ambient.restore()
                try:
                    outcomes = iter(work(item))
                    ambient.restore()
                    for outcome in outcomes:
                        ambient.restore()
                        yield item, outcome
                except (GeneratorExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - a failed trial is a result, not a crash
                    yield item, failure_of(error)
                ambient.restore()


@hookimpl
def register_executors() -> Iterable[type[ExecutorSpec]]:
    """Offer it."""
    return [SerialSpec]
