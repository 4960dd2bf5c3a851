"""Soak: a worker that prints a gigabyte, many faults in a row, and many tiny items with flat memory and file handles.

`python tests/soak/soak_executor.py --help` tells the options. Exits with 1 where a promise does not hold.
"""

import argparse
import ctypes
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from butfor.core.errors import TrialFailure
from butfor.plugins.executors.local import LocalSpec

FAULTS = ("fine", "raise", "exit", "leave", "segfault", "kill")


def work(item: tuple[str, int]) -> Iterator[int]:
    fault, number = item
    match fault:
        case "raise":
            raise ValueError(number)
        case "exit":
            sys.exit(number % 256)
        case "leave":
            os._exit(number % 256)
        case "segfault":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "print":
            for _ in range(number):
                os.write(1, b"y" * 2**20)
    yield number


def expect(holds: bool, what: str) -> None:
    sys.stdout.write(f"{'ok' if holds else 'WRONG'}: {what}\n")
    sys.stdout.flush()
    if not holds:
        raise SystemExit(1)


def printing(mebibytes: int) -> None:
    with tempfile.TemporaryDirectory() as logs:
        started = time.perf_counter()
        outcomes = list(LocalSpec(jobs=1, logs=logs).run(work, [("print", mebibytes)]))
        size = sum(path.stat().st_size for path in Path(logs).iterdir())
        expect(outcomes[0][1] == mebibytes, f"{mebibytes} MiB printed in {time.perf_counter() - started:.0f} s")
        expect(size < 600_000, f"the log has {size:,} bytes")


def faults(count: int, seed: int) -> None:
    draw = random.Random(seed)
    items = [(draw.choice(FAULTS), number) for number in range(count)]
    with tempfile.TemporaryDirectory() as logs:
        outcomes = list(LocalSpec(jobs=2, logs=logs).run(work, items))
    told = Counter(item for item, _ in outcomes)
    expect(set(told) == set(items) and max(told.values()) == 1, f"{count} items, each with one outcome")
    wrong = [item for item, outcome in outcomes if isinstance(outcome, TrialFailure) == (item[0] == "fine")]
    expect(not wrong, f"{count} items, each with its own: {dict(Counter(fault for fault, _ in items))}")


def tiny(count: int) -> None:
    running = LocalSpec(jobs=2).run(work, [("fine", number) for number in range(count)])
    marks = []
    for number, _ in enumerate(running):
        if number in (count // 4, count - 1):
            handles = len(list(Path("/proc/self/fd").iterdir()))
            marks.append((handles, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    (handles, memory), (more_handles, more_memory) = marks
    expect(more_handles <= handles, f"{count} items: {handles} handles, then {more_handles}")
    expect(more_memory - memory < 2048, f"{count} items: {memory} KiB, then {more_memory} KiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print-mib", type=int, default=1024)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--tiny", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    printing(asked.print_mib)
    faults(asked.faults, asked.seed)
    tiny(asked.tiny)
