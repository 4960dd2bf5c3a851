import pytest
import torch
from torch.nn import functional

from butfor.core import StudyError
from butfor.plugins.losses.smooth_l1 import SmoothL1Spec

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("beta", [0.1, 0.8, 3.0])
def test_it_is_torchs(scene, beta):
    scene = scene(rows=9).tracked()
    values, targets = scene.outputs.predictions["valence"], scene.batch.targets["valence"]
    found, wanted = scene.value(SmoothL1Spec(beta=beta)), functional.smooth_l1_loss(values, targets, beta=beta)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)
    slopes = [torch.autograd.grad(value, values)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=0)


def test_it_is_hubers_loss_over_beta(scene):
    scene = scene()
    wanted = functional.huber_loss(scene.outputs.predictions["valence"], scene.batch.targets["valence"], delta=0.8)
    torch.testing.assert_close(scene.value(SmoothL1Spec()) * 0.8, wanted, rtol=1e-12, atol=0)


def test_unlabelled_rows_are_left_out_whatever_stands_there(scene):
    full, labelled = scene(), torch.tensor([False, True, True, False, True])
    targets = torch.where(labelled, full.batch.targets["valence"], torch.nan)
    masked = full.with_batch(
        labelled={**full.batch.labelled, "valence": labelled}, targets={**full.batch.targets, "valence": targets}
    ).tracked()
    loss = masked.value(SmoothL1Spec())
    torch.testing.assert_close(loss, full.rows(labelled).value(SmoothL1Spec()), rtol=1e-12, atol=0)
    slope = masked.gradients(loss)["prediction.valence"]
    assert slope.isfinite().all()
    assert (slope[~labelled] == 0).all()
    assert (slope[labelled] != 0).all()


def test_a_task_with_classes_is_refused(scene):
    with pytest.raises(StudyError, match="needs a task with values"):
        scene().term(SmoothL1Spec(task="emotion"))
