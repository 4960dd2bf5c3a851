import pytest
import torch
from torch.nn import functional

from butfor.core import StudyError
from butfor.plugins.losses.mse import MseSpec

pytestmark = pytest.mark.usefixtures("float64")


def test_it_is_torchs(scene):
    scene = scene().tracked()
    values, targets = scene.outputs.predictions["valence"], scene.batch.targets["valence"]
    found, wanted = scene.value(MseSpec()), functional.mse_loss(values, targets)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)
    slopes = [torch.autograd.grad(value, values)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=0)


def test_unlabelled_rows_are_left_out_whatever_stands_there(scene):
    full, labelled = scene(), torch.tensor([False, True, True, False, True])
    targets = torch.where(labelled, full.batch.targets["valence"], torch.nan)
    masked = full.with_batch(
        labelled={**full.batch.labelled, "valence": labelled}, targets={**full.batch.targets, "valence": targets}
    ).tracked()
    loss = masked.value(MseSpec())
    torch.testing.assert_close(loss, full.rows(labelled).value(MseSpec()), rtol=1e-12, atol=0)
    slope = masked.gradients(loss)["prediction.valence"]
    assert slope.isfinite().all()
    assert (slope[~labelled] == 0).all()
    assert (slope[labelled] != 0).all()


def test_a_hit_has_no_gradient(scene):
    scene = scene()
    leaves = {**scene.leaves(), "prediction.valence": scene.batch.targets["valence"]}
    scene = scene.with_leaves(leaves).tracked()
    assert (scene.gradients(scene.value(MseSpec()))["prediction.valence"] == 0).all()


def test_a_task_with_classes_is_refused(scene):
    with pytest.raises(StudyError, match="needs a task with values, and 'emotion' has classes; fitting: valence"):
        scene().term(MseSpec(task="emotion"))
