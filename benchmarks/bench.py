"""All of the benchmark in one run and one report: `make bench`; with `--full`, everything that the issue asks for.

`.venv/bin/python benchmarks/bench.py`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from butfor.benchmarks import agreement, gpu, growth, machine, ours, steps, whole
from butfor.benchmarks.peers import PEERS_PYTHON
from butfor.benchmarks.report import Section, keep
from butfor.benchmarks.workloads import WORKLOADS
from butfor.core.engine.devices import CUDA

if TYPE_CHECKING:
    from collections.abc import Callable

    Part = Callable[[Path], Section]

TINY, SMALL, REFERENCE = WORKLOADS["tiny"], WORKLOADS["small"], WORKLOADS["reference"]


def short(python: Path) -> list[Part]:
    """Under ten minutes on two idle cores."""
    return [
        partial(steps.measured, TINY, repeats=3, epochs=3, stack=64),
        partial(steps.measured, SMALL, repeats=3, epochs=3, stack=64),
        partial(whole.measured, TINY, trials=24, epochs=4, repeats=1, python=python),
        partial(growth.measured, TINY, trials=(30, 60), repeats=1),
        partial(gpu.measured, SMALL, device=CUDA),
    ]


def full(python: Path) -> list[Part]:
    """Hours: all workloads, the whole studies of 300 trials with early stopping for every peer, 3,000 trials."""
    every = (TINY, SMALL, REFERENCE)
    return [
        *(partial(steps.measured, one, repeats=5, epochs=10, stack=64) for one in every),
        *(partial(whole.measured, one, trials=60, epochs=5, repeats=3, python=python) for one in every),
        *(partial(whole.measured, one, trials=300, epochs=25, patience=4, repeats=1, python=python) for one in every),
        *(partial(agreement.measured, one, trials=60, epochs=25) for one in every[:2]),
        *(partial(growth.measured, one, trials=(30, 300, 3000), repeats=1) for one in every[:2]),
        *(partial(gpu.measured, one, device=CUDA) for one in every),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="everything; hours")
    parser.add_argument("--peers-python", type=Path, default=PEERS_PYTHON)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    about = machine.described() | {"backends": ", ".join(ours.BACKENDS)}
    sections: list[Section] = []
    for part in (full if asked.full else short)(asked.peers_python):
        with tempfile.TemporaryDirectory() as folder:
            try:
                sections.append(part(Path(folder)))
            except RuntimeError as error:
                sections.append(Section(f"Failed: {part.args[0].name}", notes=[str(error)]))
        keep("full" if asked.full else "short", about, sections)
        print(f"{len(sections)} parts done", file=sys.stderr)
    print(keep("full" if asked.full else "short", about, sections))
    if any(section.title.startswith("Failed") for section in sections):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
