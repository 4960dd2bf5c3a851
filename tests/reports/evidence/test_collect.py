"""Evidence of trained trials in the store: drawn once, drawn again when they change, and said in a few sentences."""

from pathlib import Path

import numpy as np
import pytest

from butfor.core.evidence import Evidence
from butfor.core.evidence_records import kept_evidence
from butfor.core.leases import Lease
from butfor.core.predictions import PREDICTIONS, stage_predictions
from butfor.core.records import Entry
from butfor.core.results import TrainResult
from butfor.core.store import STORE, Store
from butfor.core.study.plan import Plan, PlannedCell, PlannedTrial
from butfor.reports.evidence import collect
from butfor.reports.evidence.collect import refresh
from butfor.reports.evidence.said import sentences

CELLS = {"base": "1" * 16, "twin": "2" * 16, "other": "3" * 16}
PLAN = Plan(
    study="small",
    baseline="base",
    cells=tuple(PlannedCell(key=cell, label=f"the {cell}", settings={}) for cell in CELLS),
    trials=tuple(PlannedTrial(key=key, cell=cell, seed=0, fold="0") for cell, key in CELLS.items()),
)


def finish(out: Path, *cells: str) -> None:
    """End the trials of `cells`; those of the twin predict what those of the baseline do."""
    with Store.open(out / STORE) as store:
        store.enlist("small", [Entry(CELLS[cell], cell, 0, "0") for cell in cells])
        with Lease(store) as lease:
            for cell in cells:
                logits = np.random.default_rng(cell == "other").normal(size=(9, 2)).astype(np.float32)
                found = {"test/rows": np.arange(9), "test/emotion": logits}
                lease.claim([CELLS[cell]])
                staged = stage_predictions(out / PREDICTIONS, CELLS[cell], found)
                result = TrainResult(CELLS[cell], cell, 0, "0", "done", selected_epoch=0, predictions=found)
                assert lease.finish(result, staged)


def told(found: tuple[Evidence, ...]) -> list[tuple[str, str, str]]:
    return [(one.cell, one.mark, one.other) for one in found]


def test_what_is_found_is_kept_and_found_again(tmp_path: Path) -> None:
    finish(tmp_path, *CELLS)
    assert told(refresh(PLAN, tmp_path)) == [("twin", "≡", "base")]
    with Store.open(tmp_path / STORE) as store:
        assert told(kept_evidence(store, "small", "after")) == [("twin", "≡", "base")]
        assert kept_evidence(store, "small", "during") == ()
    assert told(refresh(PLAN, tmp_path)) == [("twin", "≡", "base")]


def test_it_is_drawn_anew_only_where_trials_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = collect.read_predictions

    def counting(folder: Path, key: str, sha256: str) -> object:
        read.append(key)
        return real(folder, key, sha256)

    monkeypatch.setattr(collect, "read_predictions", counting)
    finish(tmp_path, "base", "other")
    assert refresh(PLAN, tmp_path) == ()
    before = len(read)
    assert refresh(PLAN, tmp_path) == ()
    assert len(read) == before
    finish(tmp_path, "twin")
    assert told(refresh(PLAN, tmp_path)) == [("twin", "≡", "base")]
    assert len(read) > before


def test_predictions_that_are_damaged_show_nothing(tmp_path: Path) -> None:
    finish(tmp_path, *CELLS)
    (tmp_path / PREDICTIONS / f"{CELLS['twin']}.safetensors").write_bytes(b"spoilt")
    assert refresh(PLAN, tmp_path) == ()


def test_an_end_of_a_run_says_once_what_many_cells_share_and_nothing_of_notes() -> None:
    def one(cell: str, code: str, message: str = "odd") -> Evidence:
        return Evidence(
            cell=cell, question="selection split", phase="after", message=message, details={"code": code, "split": "t"}
        )

    found = [one("twin", "BF742"), one("base", "BF742", "first"), one("other", "BF742"), one("base", "BF721")]
    said = sentences(PLAN, found)
    assert said == [
        "evidence: 'the base' (likewise 'the twin', 'the other'): first",
        "`butfor evidence` lists all of it",
    ]
    assert sentences(PLAN, found, ["other"])[0] == "evidence: 'the other': odd"
    assert sentences(PLAN, [one("base", "BF721")]) == []
    many = [
        Evidence(
            cell="base", question="schedule", phase="during", message="m", paths=(f"p{n}",), details={"code": "BF722"}
        )
        for n in range(20)
    ]
    assert sentences(PLAN, many)[-2:] == ["evidence: 12 more sentences", "`butfor evidence` lists all of it"]
