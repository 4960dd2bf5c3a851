import pytest
import torch
from torch.nn import functional

from butfor.core import Shapes, Task
from butfor.plugins.losses.cross_entropy import CrossEntropySpec
from butfor.plugins.losses.focal import FocalSpec

pytestmark = pytest.mark.usefixtures("float64")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}
ALPHA = (0.3, 2.0, 1.1)


def compare(scene, spec, oracle):
    scene = scene(rows=7).tracked()
    logits, targets = scene.outputs.predictions["emotion"], scene.batch.targets["emotion"]
    found, wanted = scene.value(spec), oracle(logits, targets)
    torch.testing.assert_close(found, wanted, **CLOSE)
    slopes = [torch.autograd.grad(value, logits)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes, **CLOSE)


def with_classes(scene, logits, targets):
    """The scene with other logits (B, C)."""
    task = Task("emotion", "classes", tuple(f"c{index}" for index in range(logits.shape[1])))
    scene = scene.with_leaves({**scene.leaves(), "prediction.emotion": logits})
    scene = scene.with_batch(targets={**scene.batch.targets, "emotion": targets})
    return scene, Shapes("term", {}, {}, 4, {"emotion": task})


def test_gamma_zero_is_cross_entropy(scene):
    compare(scene, FocalSpec(gamma=0.0), functional.cross_entropy)
    compare(scene, FocalSpec(gamma=0.0, focal_on="per_class"), functional.cross_entropy)


def test_gamma_zero_with_smoothing_is_smoothed_cross_entropy(scene):
    spec = FocalSpec(gamma=0.0, smoothing=0.1, smoothing_mode="k")
    compare(scene, spec, lambda x, y: functional.cross_entropy(x, y, label_smoothing=0.1))
    spec = FocalSpec(gamma=0.0, smoothing=0.1)
    compare(scene, spec, lambda x, y: functional.cross_entropy(x, y, label_smoothing=0.15))


def test_alpha_divides_by_rows_and_not_by_weights_unless_told(scene):
    def by_rows(logits, targets):
        return functional.cross_entropy(logits, targets, weight=logits.new_tensor(ALPHA), reduction="none").mean()

    def by_weights(logits, targets):
        return functional.cross_entropy(logits, targets, weight=logits.new_tensor(ALPHA))

    compare(scene, FocalSpec(gamma=0.0, alpha=ALPHA), by_rows)
    compare(scene, FocalSpec(gamma=0.0, alpha=ALPHA, weight_normalize=True), by_weights)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.7])
def test_without_smoothing_it_is_the_formula_of_the_paper(scene, gamma):
    def oracle(logits, targets):
        p = logits.softmax(dim=1)[torch.arange(len(targets)), targets]
        return ((1 - p) ** gamma * -p.log()).mean()

    compare(scene, FocalSpec(gamma=gamma), oracle)
    compare(scene, FocalSpec(gamma=gamma, focal_on="per_class"), oracle)


def test_with_smoothing_the_factor_reads_the_target_or_each_class(scene):
    def on_target(logits, targets):
        p = logits.softmax(dim=1)
        wanted = torch.full_like(p, 0.05).scatter(1, targets[:, None], 0.9)
        p_t = p.gather(1, targets[:, None])[:, 0]
        return ((1 - p_t) ** 2 * functional.cross_entropy(logits, wanted, reduction="none")).mean()

    def per_class(logits, targets):
        p = logits.softmax(dim=1)
        wanted = torch.full_like(p, 0.05).scatter(1, targets[:, None], 0.9)
        return -((1 - p) ** 2 * wanted * p.log()).sum(dim=1).mean()

    compare(scene, FocalSpec(smoothing=0.1), on_target)
    compare(scene, FocalSpec(smoothing=0.1, focal_on="per_class"), per_class)


def test_two_classes_are_the_sigmoid_focal_loss(scene):
    logits, targets, a = torch.randn(5, 2), torch.tensor([0, 1, 1, 0, 1]), 0.3
    scene, shapes = with_classes(scene(), logits, targets)
    found = FocalSpec(alpha=(1 - a, a)).build(shapes=shapes)(scene.outputs, scene.batch)
    p = (logits[:, 1] - logits[:, 0]).sigmoid()
    p_t = torch.where(targets == 1, p, 1 - p)
    alpha_t = torch.where(targets == 1, a, 1 - a)
    torch.testing.assert_close(found, (alpha_t * (1 - p_t) ** 2 * -p_t.log()).mean(), **CLOSE)


@pytest.mark.parametrize(
    ("spec", "optimum"),
    [
        (CrossEntropySpec(smoothing=0.1), 0.900),
        (FocalSpec(), 0.999),
        (FocalSpec(smoothing=0.1), 0.999),
        (FocalSpec(smoothing=0.1, focal_on="per_class"), 0.675),
    ],
)
def test_a_focal_factor_on_the_target_undoes_smoothing(scene, spec, optimum):
    """Over p_t in .300 to .999, six classes: .999 is the end of the grid, so p_t = 1 is the optimum."""
    grid = torch.arange(300, 1000) / 1000
    values = []
    for p in grid:
        logits = torch.cat([p[None], ((1 - p) / 5).expand(5)]).log()[None]
        here, shapes = with_classes(scene(rows=1), logits, torch.tensor([0]))
        values.append(spec.build(shapes=shapes)(here.outputs, here.batch))
    assert grid[torch.stack(values).argmin()] == pytest.approx(optimum, abs=5e-4)


@pytest.mark.parametrize("focal_on", ["target", "per_class"])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_certainty_right_or_wrong_has_finite_gradients(scene, gamma, focal_on, dtype):
    torch.set_default_dtype(dtype)
    logits = torch.tensor([[1e4, 0.0, 0.0], [0.0, 1e4, 0.0], [40.0, 0.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    scene, shapes = with_classes(scene(rows=4), logits, torch.zeros(4, dtype=torch.int64))
    spec = FocalSpec(gamma=gamma, focal_on=focal_on, smoothing=0.1)
    loss = spec.build(shapes=shapes)(scene.outputs, scene.batch)
    slope = torch.autograd.grad(loss, logits)[0]
    assert loss.isfinite()
    assert slope.isfinite().all()
    assert slope[3].abs().max() > 0


def test_weights_can_come_from_counts(scene):
    by_rule = FocalSpec.model_validate({"alpha": {"rule": "inverse_frequency", "counts": [4, 1, 1]}})
    torch.testing.assert_close(scene().value(by_rule), scene().value(FocalSpec(alpha=(0.5, 2.0, 2.0))), **CLOSE)


def test_unlabelled_rows_are_as_if_they_were_not_there(scene):
    labelled = torch.tensor([True, False, True, True, False])
    full = scene()
    masked = full.with_batch(labelled={**full.batch.labelled, "emotion": labelled})
    for spec in (FocalSpec(smoothing=0.1), FocalSpec(alpha=ALPHA, weight_normalize=True)):
        torch.testing.assert_close(masked.value(spec), full.rows(labelled).value(spec), **CLOSE)
