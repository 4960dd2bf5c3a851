"""Serial executor: one trial after the other, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ...core import ExecutorSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class SerialSpec(ExecutorSpec):
    """Train one trial after the other in this process: for debugging, and for a machine with one core."""

    name: Literal["serial"] = "serial"
    """Which plugin."""

    def run(self, work: Callable[[Any], Iterable[Any]], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield each outcome of each item, in order; an exception is an outcome."""
        for item in items:
            try:
                for outcome in work(item):
                    yield item, outcome
            except Exception as error:  # noqa: BLE001 - a failed trial is a result, not a crash
                yield item, error


@hookimpl
def register_executors() -> Iterable[type[ExecutorSpec]]:
    """Offer it."""
    return [SerialSpec]
