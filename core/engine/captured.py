"""A replay on a GPU as one graph: its thousands of kernels are launched at once, over memory that stays where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..failures import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from .replay import Pass, Passed

WARM = 3
"""Passes before the capture, as torch asks for: libraries make their workspaces in them."""


def captured(replay: Pass, places: Sequence[Tensor]) -> Pass:
    """`replay`, which reads and may write `places`, as a CUDA graph; itself where it cannot be captured.

    The places hold afterwards what they held before.

    What a pass gives lies in the graph's own memory: the next pass overwrites it.
    """
    before = [place.detach().clone() for place in places]
    try:
        graph, passed = _capture(replay)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        return replay
    finally:
        with torch.no_grad():
            for place, value in zip(places, before, strict=True):
                place.copy_(value)

    def run(_kept: Pass = replay) -> Passed:  # the graph reads constants of the replay, which have to stay
        graph.replay()
        return passed

    return run


def _capture(replay: Pass) -> tuple[torch.cuda.CUDAGraph, Passed]:
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(WARM):
            replay()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        passed = replay()
    return graph, passed
