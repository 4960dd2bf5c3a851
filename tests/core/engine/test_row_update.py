"""Rows move as torch.optim moves them, and gradients reach them in the order of memory."""

import pytest
import torch
from torch import nn

from butfor.core.engine.flat import FlatRows, Layout
from butfor.core.engine.optimisation import clip_gradients, make_optimizer
from butfor.core.engine.row_update import recipe, update
from butfor.core.study.settings import TrainSettings


def model(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3), nn.Linear(3, 2, bias=False))


TRAINS = {
    "adamw": TrainSettings(lr=0.01, weight_decay=0.1, clip=None),
    "adamw by value": TrainSettings(lr=0.02, weight_decay=0.1, clip={"by": "value", "limit": 0.05}),
    "adamw by norm": TrainSettings(lr=0.01, weight_decay=0.1, clip={"by": "norm", "limit": 0.3}),
    "adam": TrainSettings(optimizer="adam", lr=0.01, weight_decay=0.1, clip={"by": "value", "limit": 0.1}),
    "sgd": TrainSettings(optimizer="sgd", lr=0.01, weight_decay=0.1, momentum=0.5, clip={"by": "norm", "limit": 0.3}),
    "sgd without momentum": TrainSettings(optimizer="sgd", lr=0.1, momentum=0.0, clip=None),
}


@pytest.mark.usefixtures("float64")
def test_every_row_moves_as_torch_moves_a_model_of_its_own() -> None:
    models = [model(seed) for seed in range(len(TRAINS))]
    twins = [model(seed) for seed in range(len(TRAINS))]
    optimizers = [make_optimizer(t, list(m.parameters())) for t, m in zip(TRAINS.values(), twins, strict=True)]
    rows = FlatRows(len(TRAINS), model(0))
    for row, module in enumerate(models):
        rows.load(row, module)
    draw = torch.Generator().manual_seed(0)
    for step in range(12):
        found = []
        for name, leaf in rows.leaves.items():
            noise = torch.randn(leaf.shape, generator=draw)
            found.append(noise if name != "1.bias" else None)  # a parameter that nothing depends on
            for twin, grad in zip(twins, noise, strict=True):
                twin.get_parameter(name).grad = grad.clone() if name != "1.bias" else torch.zeros_like(grad)
        rows.take(found)
        update(rows, [(row, recipe(t, t.lr, fresh=step == 0)) for row, t in enumerate(TRAINS.values())])
        for train, twin, optimizer in zip(TRAINS.values(), twins, optimizers, strict=True):
            clip_gradients(train.clip, list(twin.parameters()))
            optimizer.step()
    for module, twin in zip(models, twins, strict=True):
        for name, value in twin.named_parameters():
            torch.testing.assert_close(module.get_parameter(name).data, value.data, rtol=1e-12, atol=1e-14)


def test_the_fused_kernels_ignore_strides_and_rows_are_why_that_does_no_harm() -> None:
    """Should torch mend its kernels, this test says so, and the copy into rows may go."""
    weight, moments = torch.zeros(2, 3), [torch.zeros(2, 3) for _ in range(2)]
    gradient = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]).T
    settings = {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "eps": 1e-8}
    steps = [torch.tensor(1.0)]
    torch._fused_adamw_(
        [weight], [gradient], moments[:1], moments[1:], [], steps, amsgrad=False, maximize=False, **settings
    )
    assert not torch.equal(weight.sign(), -gradient.sign())
    rows = FlatRows(2, nn.Linear(3, 2, bias=False))
    rows.weights.zero_()
    rows.take([torch.stack([gradient, -gradient])])
    train = TrainSettings(lr=0.1, weight_decay=0.0, clip=None)
    update(rows, [(row, recipe(train, 0.1, fresh=True)) for row in range(2)])
    assert torch.equal(rows.leaves["weight"][0].sign(), -gradient.sign())
    assert torch.equal(rows.leaves["weight"][1].sign(), gradient.sign())


def test_rows_of_one_recipe_and_rows_of_many_clip_to_the_same_bits() -> None:
    gradient = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(1))
    shapes = nn.Linear(5, 2, bias=False)
    alike, unlike = FlatRows(3, shapes), FlatRows(3, shapes)
    for rows, limits in ((alike, (0.5, 0.5, 0.5)), (unlike, (0.5, None, 0.1))):
        rows.take([gradient])
        clips = [None if limit is None else {"by": "value", "limit": limit} for limit in limits]
        trains = [TrainSettings(lr=0.1, clip=clip) for clip in clips]
        update(rows, [(row, recipe(train, 0.1, fresh=True)) for row, train in enumerate(trains)])
    assert torch.equal(alike.gradients[0], unlike.gradients[0])
    assert torch.equal(alike.weights[0], unlike.weights[0])
    assert torch.equal(unlike.grads["weight"][1], gradient[1])
    assert unlike.gradients[2].abs().max() == pytest.approx(0.1)


def test_keeping_restoring_and_narrowing_are_copies_of_rows() -> None:
    rows = FlatRows(4, model(0))
    models = [model(seed) for seed in range(4)]
    for row, module in enumerate(models):
        rows.load(row, module)
    kept = rows.keep(2)
    rows.weights[2] += 1
    rows.buffers["1.running_mean"][2] += 1
    rows.restore(2, kept)
    assert torch.equal(models[2][0].weight, model(2)[0].weight)
    assert torch.equal(models[2][1].running_mean, torch.zeros(3))
    rows.narrow([3, 1])
    rows.point(0, models[3])
    assert len(rows) == 2
    assert torch.equal(models[3][0].weight, model(3)[0].weight)
    models[3][0].weight.data += 1
    assert torch.equal(rows.leaves["0.weight"][0], models[3][0].weight)


def test_matrices_lie_as_a_linear_layer_reads_them() -> None:
    layout = Layout(dict(nn.Linear(3, 2).named_parameters()))
    views = layout.views(torch.arange(64.0))
    assert layout.size == 64
    assert views["weight"].T.is_contiguous()
    assert views["weight"].tolist() == [[0, 2, 4], [1, 3, 5]]
