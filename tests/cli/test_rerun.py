"""`butfor rerun`: a stored trial trained again, compared to the bit, in another process and after changes."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from butfor import runner
from butfor.core.results import TrainResult
from butfor.core.store import Store

STUDY = """
study: again
dataset: {name: planted, rows: 200, features: 6, classes: 2, groups: 8}
splits: {by: group, test: official}
seeds: 2
baseline:
  encoder: {name: mlp, width: 4, dropout: 0.1}
  fusion: mean
  losses: {emotion: cross_entropy}
  train: {epochs: 4, batch_size: 32, lr: 2.0e-2, select: weighted_f1}
ablations:
  fusions: {one_at_a_time: {fusion: [concat]}}
"""


@pytest.fixture
def trained(command: Callable[..., Any], tmp_path: Path) -> list[str]:
    """Keys of the trials of a study that has been run."""
    (tmp_path / "ablations.yaml").write_text(STUDY)
    done = command("run", "--executor", "serial", "--quiet")
    assert done.code in (0, 1), done.err
    with Store.open(tmp_path / "results" / "store.sqlite") as store:
        return sorted(store.standing(study="again"))


def test_a_trial_trained_in_another_process_is_equal_to_the_bit(command, trained: list[str]) -> None:
    done = command("rerun", trained[0][:10])
    assert done.code == 0, done.out + done.err
    assert f"{trained[0]} (" in done.out
    assert "equal to the bit" in done.out


def test_what_differs_is_named_and_what_differs_in_the_environment(
    command, trained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, train = runner.system, runner.train

    def other(*arguments: str) -> dict[str, str]:
        return system(*arguments) | {"torch": "0.0.1"}

    def worse(work: Any) -> Iterator[TrainResult]:
        for result in train(work):
            result.metrics["test"]["weighted_f1"] += 1e-9
            result.predictions["test/emotion"][0] += 1
            yield result

    monkeypatch.setattr(runner, "system", other)
    monkeypatch.setattr(runner, "train", worse)
    done = command("rerun", trained[0], "--executor", "serial", "--json")
    assert done.code == 1
    told = json.loads(done.out)
    assert told["key"] == trained[0]
    assert not told["equal"]
    assert {one["what"] for one in told["differences"]} == {"test weighted_f1", "predictions test/emotion"}
    assert [(one["what"], one["again"]) for one in told["environment"]] == [("torch", "0.0.1")]


def test_nothing_in_the_store_changes(command, trained: list[str], tmp_path: Path) -> None:
    def rows() -> list[tuple[Any, ...]]:
        with sqlite3.connect(tmp_path / "results" / "store.sqlite") as connection:
            return connection.execute("select key, state, attempts, sha256 from trials order by key").fetchall()

    before = rows()
    assert command("rerun", trained[1], "--executor", "serial").code == 0
    assert rows() == before


def test_a_key_that_is_wrong_or_of_several_is_told_with_what_would_be_right(command, trained: list[str]) -> None:
    key = trained[0]
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    done = command("rerun", wrong)
    assert done.code == 2
    assert f"did you mean '{key}'?" in done.err
    several = command("rerun", "")
    assert several.code == 2
    assert "begins 4 keys; give more of one" in several.err


def test_a_cell_that_the_study_no_longer_has_is_told(command, trained: list[str], tmp_path: Path) -> None:
    with Store.open(tmp_path / "results" / "store.sqlite") as store:
        key = next(r.key for r in store.load(trained) if "concat" in json.dumps(dict(store.row(r.key))["settings"]))
    (tmp_path / "ablations.yaml").write_text(STUDY.replace("[concat]", "[attention]"))
    done = command("rerun", key)
    assert done.code == 2
    assert "no cell 'concat'" in done.err
