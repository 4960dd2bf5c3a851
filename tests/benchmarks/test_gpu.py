"""The measurement of a GPU, tried on the processor; without a GPU it says that nothing was measured."""

from pathlib import Path

import pytest

from butfor.benchmarks import gpu
from butfor.benchmarks.workloads import WORKLOADS
from butfor.core.engine.devices import CPU, CUDA, why_not_here


def test_rows_are_measured_with_and_without_a_replay_and_their_bits_compared(tmp_path: Path) -> None:
    section = gpu.measured(WORKLOADS["tiny"], tmp_path, device=CPU, rows=(1, 2, 3), steps=2)
    assert [(row["rows"], row["graph"]) for row in section.rows] == [(k, g) for k in (1, 2, 3) for g in ("no", "yes")]
    assert {row["bits"] for row in section.rows if row["rows"] != 1} == {"yes"}
    assert all(0 < row["of which pass and update"] < 1e6 for row in section.rows)


@pytest.mark.skipif(not why_not_here(CUDA), reason="this machine has a GPU")
def test_without_a_gpu_nothing_is_measured_and_the_reason_is_told(tmp_path: Path) -> None:
    section = gpu.measured(WORKLOADS["tiny"], tmp_path, device=CUDA)
    assert not section.rows
    assert section.notes == [f"not measured: {why_not_here(CUDA)}"]
