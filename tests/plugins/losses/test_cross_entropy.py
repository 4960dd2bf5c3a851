import pytest
import torch
from torch.nn import functional

from butfor.core import StudyError
from butfor.plugins.losses.cross_entropy import CrossEntropySpec

pytestmark = pytest.mark.usefixtures("float64")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}
WEIGHTS = (0.3, 2.0, 1.1)


def compare(scene, spec, oracle):
    scene = scene(rows=7).tracked()
    logits, targets = scene.outputs.predictions["emotion"], scene.batch.targets["emotion"]
    found, wanted = scene.value(spec), oracle(logits, targets)
    torch.testing.assert_close(found, wanted, **CLOSE)
    slopes = [torch.autograd.grad(value, logits)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes, **CLOSE)


def test_it_is_cross_entropy(scene):
    compare(scene, CrossEntropySpec(), functional.cross_entropy)


def test_smoothing_over_all_classes_is_torchs(scene):
    spec = CrossEntropySpec(smoothing=0.1, smoothing_mode="k")
    compare(scene, spec, lambda x, y: functional.cross_entropy(x, y, label_smoothing=0.1))


def test_smoothing_over_the_other_classes_is_torchs_with_k_over_k_minus_one_more(scene):
    compare(
        scene,
        CrossEntropySpec(smoothing=0.1),
        lambda x, y: functional.cross_entropy(x, y, label_smoothing=0.1 * 3 / 2),
    )

    def by_probabilities(logits, targets):
        wanted = torch.full_like(logits, 0.1 / 2).scatter(1, targets[:, None], 0.9)
        return functional.cross_entropy(logits, wanted)

    compare(scene, CrossEntropySpec(smoothing=0.1), by_probabilities)


def test_the_two_ways_of_smoothing_differ(scene):
    one, other = (CrossEntropySpec(smoothing=0.1, smoothing_mode=mode) for mode in ("k", "k_minus_1"))
    assert abs(scene().value(one) - scene().value(other)) > 1e-3


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_class_weights_are_torchs(scene, smoothing):
    def oracle(logits, targets):
        return functional.cross_entropy(logits, targets, weight=logits.new_tensor(WEIGHTS), label_smoothing=smoothing)

    compare(scene, CrossEntropySpec(class_weights=WEIGHTS, smoothing=smoothing, smoothing_mode="k"), oracle)


def test_class_weights_need_not_be_normalised(scene):
    def oracle(logits, targets):
        return functional.cross_entropy(logits, targets, weight=logits.new_tensor(WEIGHTS), reduction="none").mean()

    compare(scene, CrossEntropySpec(class_weights=WEIGHTS, weight_normalize=False), oracle)


def test_unlabelled_rows_are_as_if_they_were_not_there(scene):
    labelled = torch.tensor([True, False, True, True, False])
    full = scene()
    masked = full.with_batch(labelled={**full.batch.labelled, "emotion": labelled})
    for spec in (CrossEntropySpec(smoothing=0.1), CrossEntropySpec(class_weights=WEIGHTS)):
        torch.testing.assert_close(masked.value(spec), full.rows(labelled).value(spec), **CLOSE)


def test_the_optimum_of_smoothing_is_one_minus_it(scene):
    scene = scene(rows=1)
    grid = torch.arange(0.5, 1.0, 0.001)
    values = []
    for p in grid:
        logits = torch.stack([p, (1 - p) / 2, (1 - p) / 2]).log()[None]
        values.append(
            scene.with_leaves({**scene.leaves(), "prediction.emotion": logits}).value(CrossEntropySpec(smoothing=0.1))
        )
    assert grid[torch.stack(values).argmin()] == pytest.approx(0.9)


def test_confident_mistakes_have_finite_values_and_gradients(scene):
    scene = scene(rows=2)
    scene = scene.with_leaves({**scene.leaves(), "prediction.emotion": torch.tensor([[1e6, -1e6, 0], [-1e6, 1e6, 0]])})
    scene = scene.with_batch(targets={**scene.batch.targets, "emotion": torch.tensor([1, 1])}).tracked()
    loss = scene.value(CrossEntropySpec(smoothing=0.1))
    assert loss.isfinite()
    assert scene.gradients(loss)["prediction.emotion"].isfinite().all()


def test_the_task_is_found_by_kind_or_by_name_and_checked(scene):
    assert scene().value(CrossEntropySpec(task="emotion")) == scene().value(CrossEntropySpec())
    with pytest.raises(StudyError, match="needs a task with classes"):
        scene().term(CrossEntropySpec(task="valence"))
    with pytest.raises(StudyError, match="`class_weights` is for 2 classes"):
        scene().term(CrossEntropySpec(class_weights=(1.0, 2.0)))
