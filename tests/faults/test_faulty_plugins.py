"""A plugin that misbehaves in a worker costs its own trial; the row says how, which plugin, and where the log is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from butfor import runner
from butfor.core.results import TrainResult
from butfor.core.store import Store, store_of
from butfor.plugins.executors.local import LocalSpec

CELLS = {
    "nothing": ("done", ""),
    "raises": ("error", "RuntimeError: on purpose"),
    "exits": ("error", "it asked to exit: sys.exit(3)"),
    "leaves": ("crashed", "left with exit code 4"),
    "segfaults": ("crashed", "SIGSEGV"),
    "hangs": ("timeout", "no result within 12 s"),
    "ignores_term": ("timeout", "no result within 12 s"),
    "takes_all_memory": ("out of memory", "allocate"),
    "forks": ("done", ""),
    "prints": ("done", ""),
    "leaks": ("done", ""),
    "loses_itself": ("diverged", "not finite"),
}


@dataclass
class Ran:
    results: dict[str, TrainResult]
    left: list[int]
    logs: Path


@pytest.fixture
def ran(study: Callable[..., Path], marked: Callable[..., list[int]], tmp_path: Path) -> Ran:
    path = study(**{name: f"does: {name}" for name in CELLS})
    read, catalogue = runner.read_study(path)
    prepared = runner.prepare(read, catalogue)
    executor = LocalSpec(jobs=2, time_limit=12, memory_limit=3000, logs=str(tmp_path / "logs"))
    keys = runner.asked(prepared)
    runner.run(prepared, keys, tmp_path / "out", executor=executor)
    labels = {row.cell: row.label for design in prepared.plan.designs for row in design.rows}
    with Store.open(store_of(tmp_path / "out")) as store:
        results = {labels.get(result.cell, "baseline"): result for result in store.load(keys)}
    return Ran(results, marked(within=5), tmp_path / "logs")


def test_each_fault_costs_its_own_trial_and_is_told_apart(ran: Ran) -> None:
    assert not ran.left
    for label, (kind, message) in CELLS.items():
        result = ran.results[label]
        assert (result.state, result.kind) in {("failed", kind), (kind, "")}, (label, result.message)
        assert message in result.message
        if result.state == "failed":
            assert "(in fusion 'faulty' of " in result.message, label
            assert "faulty.py)" in result.message
            assert "faulty.py" in Path(result.log).read_text()
    assert ran.results["prints"].metrics == ran.results["nothing"].metrics
    assert max(path.stat().st_size for path in ran.logs.iterdir()) < 600_000
    (told,) = [path.read_text() for path in ran.logs.iterdir() if "put back after" in path.read_text()]
    for word in ("default dtype", "working directory", "environment", "warnings filters", "functions of torch.nn.func"):
        assert word in told
    assert "cannot put back: a thread that still runs" in told
