"""A stack's forward and backward pass as one compiled program: opt-in, for studies that repay the compiler."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from .replay import Joint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .replay import Forward, Pass, Passed

ROWS = 8
"""Rows of every compiled stack: one number, so that each structure is compiled once, and no bit depends on it."""
TOLERANCE = 1e-3
"""Largest difference from the pass that is not compiled, relative to the largest element: rounding stays below 1e-5."""


def compiled(forward: Forward, leaves: Sequence[Tensor], inputs: object) -> Pass:
    """`forward` and the gradients of the sum of its totals, compiled for `inputs`, whose memory later passes read.

    Raises RuntimeError where the program does not compute what `forward` does.
    """
    from torch._inductor import compile as compile_graph  # noqa: PLC0415 - a second, for those who compile

    joint = Joint(forward, inputs, leaves)
    graph = joint.graph()
    given = [place.detach() for place in joint.places]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the compiler about itself
        program = compile_graph(graph, given, {"compile_threads": 1})
        before = [place.clone() for place in given]
        found = [*program(*given), *(place.clone() for place in given)]
        for place, value in zip(given, before, strict=True):
            place.copy_(value)  # what a pass writes, running means say, is not to be written twice
    copies = joint.copies()
    _check([*joint(*copies), *copies], found)

    def run() -> Passed:
        with torch.no_grad():
            return joint.passed(program(*given))

    return run


def _check(expected: Sequence[Tensor], found: Sequence[Tensor]) -> None:
    for wanted, value in zip(expected, found, strict=True):
        if not wanted.is_floating_point():
            continue
        scale = wanted.nan_to_num().abs().max().clamp(min=1.0)
        difference = (value.nan_to_num() - wanted.nan_to_num()).abs().max()
        if not bool(difference <= TOLERANCE * scale):
            raise RuntimeError(f"the compiled program differs by {float(difference):.1e} from what it was compiled of")
