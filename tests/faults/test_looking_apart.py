"""A plugin that hangs or dies where evidence is looked for costs its own cell's evidence, not the run."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from butfor import runner
from butfor.cli.app import app
from butfor.core.engine.evidence import apart
from butfor.core.store import Store, store_of
from butfor.plugins.executors.local import LocalSpec

ENDS = {"exits": "it asked to exit: sys.exit(3)", "segfaults": "SIGSEGV", "hangs": "no result within 8 s"}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "LIMIT", 8.0)
    monkeypatch.setattr(apart, "LIMIT_OF_A_CELL", 0.0)


def test_cells_that_end_the_process_are_told_of_and_the_others_looked_at(
    study: Callable[..., Path], marked: Callable[..., list[int]]
) -> None:
    read, catalogue = runner.read_study(study(**{name: f"does: {name}" for name in ("nothing", *ENDS)}))
    prepared = runner.prepare(read, catalogue)
    found = runner.evidence_apart(prepared, LocalSpec(jobs=2))
    labels = {cell.key: cell.label for cell in read.cells}
    lost = {labels[one.cell]: one.message for one in found if not apart.is_complete([one])}
    assert list(lost) == list(ENDS)
    for name, reason in ENDS.items():
        assert lost[name].startswith("whether it can take effect could not be looked at before training: ")
        assert reason in lost[name]
        assert "(in fusion 'faulty' of " in lost[name]
    assert {labels[one.cell] for one in found if one.question == "dead parameters"} <= {"baseline", "nothing"}
    healthy = tuple(one for one in found if apart.is_complete([one]))
    alone, _ = runner.read_study(study(nothing="does: nothing"))
    assert healthy == runner.evidence(alone, catalogue)
    assert marked(within=5) == []


def test_where_every_cell_dies_each_is_told_of(study: Callable[..., Path]) -> None:
    path = study(leaves="does: leaves")
    path.write_text(path.read_text().replace("fusion: mean", "fusion: {name: faulty, does: leaves, seconds: 1.0}"))
    read, catalogue = runner.read_study(path)
    found = runner.evidence_apart(runner.prepare(read, catalogue), LocalSpec(jobs=2))
    assert [one.question for one in found] == ["looking"] * len(read.cells)
    assert all("left with exit code 4" in one.message for one in found)


def test_a_run_goes_on_without_the_evidence_and_looks_again_next_time(
    study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study(leaves="does: leaves")
    for _ in range(2):
        done = CliRunner().invoke(app, ["run", "--jobs", "2"])
        assert done.exit_code == 1, done.stderr
        assert "parts: fusion" not in done.stderr
        assert "warning: ablations.yaml:" in done.stderr
        assert "could not be looked at before training: its process left with exit code 4" in done.stderr
    with Store.open(store_of(tmp_path / "results")) as store:
        assert sorted(store.states([trial.key for trial in _trials()]).values()) == ["done", "failed"]


def _trials() -> tuple:
    return runner.prepare(*runner.read_study(Path("ablations.yaml"))).trials
