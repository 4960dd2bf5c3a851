"""The peer's loop is a fair one: the same model and the same work as ours, without anything of the engine's."""

import json
from pathlib import Path

import pytest
import torch

from butfor.benchmarks import agreement, equality, loops, machine, ours, steps, whole
from butfor.benchmarks.plain import PlainModel
from butfor.benchmarks.report import Section, keep
from butfor.benchmarks.workloads import WORKLOADS, write_study

TINY = WORKLOADS["tiny"]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> ours.Ready:
    folder = tmp_path_factory.mktemp("bench")
    return ours.read(write_study(folder, TINY, trials=12, epochs=1, patience=None))


def test_without_dropout_the_plain_model_computes_what_the_engines_does(ready: ours.Ready) -> None:
    from butfor.core.engine.feed import Feed
    from butfor.core.engine.model import System

    data = ready.data()
    for peer in ready.for_peers(ready.every[::2]):
        plain = PlainModel(peer.settings, data, peer.seed, peer.fold.name).eval()
        system = System(peer.settings, data, peer.seed, peer.fold.name).eval()
        assert not [name for name, x in plain.named_buffers() if x.ndim == 0 and not name.endswith("free_bits")]
        batch = Feed(data, peer.fold, peer.settings.modalities, standardised=True).batch(torch.arange(32))
        outputs, _ = system(batch, 0, 0)
        total, _ = system.terms(outputs, batch)
        loss = plain.loss(batch.features, batch.targets, 0)
        torch.testing.assert_close(loss, total)
        one = torch.autograd.grad(loss, list(plain.parameters()), allow_unused=True)
        other = torch.autograd.grad(total, list(system.parameters()), allow_unused=True)
        for mine, theirs in zip(one, other, strict=True):
            assert (mine is None) == (theirs is None)
            if mine is not None:
                torch.testing.assert_close(mine, theirs)


def test_modality_dropout_takes_its_share_and_never_everything(ready: ours.Ready) -> None:
    (peer,) = ready.for_peers([0])
    plain = PlainModel(peer.settings, ready.data(), peer.seed, peer.fold.name).train()
    drop = peer.settings.modality_dropout
    assert drop is not None
    kept = plain._kept(20_000, 100)
    assert bool(kept.any(dim=1).all())
    assert float((~kept.all(dim=1)).float().mean()) == pytest.approx(drop.rate, abs=0.015)
    assert len(kept.unique(dim=0)) == 7


EAGER = ("one at a time", "stack")
"""The backends that need no compiler: to compile V4 takes minutes; tests/core/engine/test_compiled.py has it small."""


@pytest.mark.parametrize("backend", EAGER)
def test_the_loop_and_ours_do_the_same_work(ready: ours.Ready, backend: str) -> None:
    numbers = ready.of_structure()[:2]
    results = ours.train(ready, numbers, backend)
    assert not ours.alone(results, backend)
    peers = ready.for_peers(numbers)
    theirs = equality.of_peer([loops.train_trial(peer, ready.data()) for peer in peers], peers)
    for one, other in zip(equality.of_ours(results), theirs, strict=True):
        assert (one.steps, one.epochs, one.parameters) == (other.steps, other.epochs, other.parameters)
        assert one.metrics == pytest.approx(other.metrics, abs=0.2)


def done(draw: int, score: float, steps: int = 10) -> equality.Done:
    return equality.Done(steps, 1, 5, (draw, "0"), (score, 1.0))


def test_unequal_work_is_told() -> None:
    one = [done(draw, 0.5 + draw / 100) for draw in range(5)]
    assert equality.compared(one, one)[0]
    assert not equality.compared([done(draw, 0.5 + draw / 100, steps=9) for draw in range(5)], one)[0]
    same, told = equality.compared([done(draw, 0.4 + draw / 101) for draw in range(5)], one)
    assert not same
    assert "weighted_f1 differs by -0.1002" in told
    assert "TOO MUCH" in told
    assert not equality.compared([done(draw, float("nan")) for draw in range(5)], one)[0]


def test_trials_that_share_their_draw_are_one_witness_and_not_many() -> None:
    gaps = [0.010, 0.030]
    ours_, theirs = ([done(d, 0.5 + sign * gaps[d]) for d in (0, 1) for _ in range(50)] for sign in (1, 0))
    assert equality.compared(ours_, theirs)[0]
    apart = [[equality.Done(10, 1, 5, (i, "0"), one.metrics) for i, one in enumerate(some)] for some in (ours_, theirs)]
    assert not equality.compared(*apart)[0]


def test_a_backend_that_the_engine_does_not_have_is_refused(ready: ours.Ready) -> None:
    with pytest.raises(ValueError, match="no backend 'magic'; it has one at a time"):
        ours.train(ready, [0], "magic")


def test_the_flops_of_a_step_are_those_of_its_products(ready: ours.Ready) -> None:
    (peer,) = ready.for_peers([0])
    counted = machine.step_flops(peer, ready.data())
    plain = PlainModel(peer.settings, ready.data(), peer.seed, peer.fold.name)
    weights = sum(x.numel() for x in plain.parameters() if x.ndim == 2)
    assert 4 * 32 * weights < counted < 8 * 32 * weights


def test_steps_are_measured_on_the_same_work_and_reported(tmp_path: Path) -> None:
    section = steps.measured(TINY, tmp_path, repeats=1, epochs=2, stack=2, trials=12, batch=512, backends=EAGER)
    names = [row["contender"] for row in section.rows]
    assert names == [steps.LOOP, *EAGER]
    assert all(row["CPU s a trial"] > 0 for row in section.rows)
    assert not [note for note in section.notes if "NOT THE SAME" in note]
    text = keep("steps", {"torch": "x"}, [section], tmp_path)
    assert text.count("| one at a time |") == 1
    (kept,) = json.loads((tmp_path / "steps.json").read_text())["sections"]
    assert [row["CPU s a trial"] for row in kept["rows"]] == [row["CPU s a trial"] for row in section.rows]


def test_the_epochs_that_stacks_and_trials_alone_select_are_counted(tmp_path: Path) -> None:
    (row,) = agreement.measured(TINY, tmp_path, trials=12, epochs=2, patience=None, batch=512).rows
    assert row["trials"] == 12
    assert row["same selected epoch"] >= 0.9
    assert row["largest difference in weighted F1, same epoch"] < 0.02


def test_a_report_without_rows_says_so(tmp_path: Path) -> None:
    assert "nothing was measured" in keep("none", {}, [Section("Empty")], tmp_path)


def test_what_is_not_a_number_is_blank_in_the_table_and_null_for_programs(tmp_path: Path) -> None:
    text = keep("noisy", {}, [Section("Noisy", [{"contender": "one", "us": float("nan")}])], tmp_path)
    assert "| one |  |" in text
    assert json.loads((tmp_path / "noisy.json").read_text())["sections"][0]["rows"] == [
        {"contender": "one", "us": None}
    ]


@pytest.mark.slow
def test_a_whole_study_is_run_by_commands_and_absent_peers_are_skipped_with_the_reason(tmp_path: Path) -> None:
    gone = tmp_path / "no-python"
    asked = {"trials": 12, "epochs": 1, "repeats": 1, "batch": 512, "backends": EAGER}
    section = whole.measured(TINY, tmp_path, **asked, python=gone, only=["ray"])
    names = [row["contender"] for row in section.rows]
    assert names == [whole.LOOP, *(f"butfor, {name}" for name in EAGER)]
    assert all(row["CPU s"] > 0 and row["peak MB"] > 100 for row in section.rows)
    skipped = dict(note.split(": skipped, ") for note in section.notes if "skipped" in note)
    assert "make bench-peers" in skipped.pop("Ray Tune")
    assert set(skipped.values()) == {"not asked for"}
    assert not [note for note in section.notes if "DIFFER" in note]
