"""What a system costs: counted by hand for a small one, the same in both engines."""

import dataclasses

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from butfor.core.engine import spent as module
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.feed import Feeds
from butfor.core.engine.spent import _Counter, spent
from butfor.core.splits import SplitSpec, make_folds
from butfor.core.study.settings import CellSettings
from butfor.registry import assemble

CATALOGUE = assemble()


def made(**train):
    said = {
        "dataset": {"name": "planted", "rows": 120, "groups": 6},
        "modalities": ("text", "audio"),
        "encoder": {name: {"name": "mlp", "width": 8, "dropout": 0.0} for name in ("text", "audio")},
        "fusion": "concat",
        "losses": {"emotion": "cross_entropy"},
        "train": {"epochs": 2, "batch_size": 16, **train},
    }
    settings = CellSettings.model_validate(said, context={"catalogue": CATALOGUE, "folder": "."})
    data = settings.dataset.load()
    fold = make_folds(SplitSpec(), data)[0]
    feed = Feeds(data).feed(fold, settings.modalities, standardised=True)
    return Assignment("key", f"cell{sorted(train.items())}", settings, 0, fold), data, feed


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(module, "_known", {})


def test_flops_are_those_that_torch_counts_of_one_row():
    assignment, data, feed = made()
    system = module.System(assignment.settings, data, *assignment.stream).eval()
    rows = torch.from_numpy(feed.fold.train[:1])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        system(feed.batch(rows), 0, -1)
    assert spent(assignment, data, feed)["flops"] == counter.get_total_flops() > 0


def test_a_recurrent_layer_is_counted_too():
    with _Counter() as counter, torch.no_grad():
        nn.LSTM(4, 5, batch_first=True)(torch.randn(3, 7, 4))
    assert counter.flops == 2 * 3 * 7 * (4 * 20 + 5 * 20)


def test_memory_has_the_moments_of_the_optimiser():
    adam, data, feed = made()
    sgd = made(optimizer="sgd")[0]
    system = module.System(adam.settings, data, *adam.stream)
    weights = 4 * sum(parameter.numel() for parameter in system.parameters())
    one, two = spent(adam, data, feed)["memory"], spent(sgd, data, feed)["memory"]
    assert one - two == weights
    assert one > 4 * weights


def test_memory_grows_with_the_batch_by_what_the_forward_keeps():
    small, data, feed = made()
    large = made(batch_size=32)[0]
    assert spent(large, data, feed)["memory"] > spent(small, data, feed)["memory"]
    assert spent(large, data, feed)["flops"] == spent(small, data, feed)["flops"]


def test_a_structure_is_counted_once(monkeypatch):
    calls = []
    count = module._count
    monkeypatch.setattr(module, "_count", lambda *a: calls.append(a) or count(*a))
    assignment, data, feed = made()
    other = dataclasses.replace(assignment, cell="another of the same structure", seed=3)
    assert [spent(one, data, feed) for one in (assignment, other, assignment)].count(spent(assignment, data, feed)) == 3
    assert len(calls) == 1


def test_what_cannot_be_counted_costs_no_trial(monkeypatch):
    def fails(*_):
        raise RuntimeError

    monkeypatch.setattr(module, "_count", fails)
    assert spent(*made()) == {}
