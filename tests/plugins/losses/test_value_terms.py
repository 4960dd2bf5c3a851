"""The terms for values, which share their room: each is torch's, masked, and for one task."""

from functools import partial

import pytest
import torch
from torch.nn import functional

from butfor.core import StudyError
from butfor.plugins.losses.mae import MaeSpec
from butfor.plugins.losses.mse import MseSpec
from butfor.plugins.losses.smooth_l1 import SmoothL1Spec

pytestmark = pytest.mark.usefixtures("float64")

TERMS = {
    "mae": (MaeSpec(), functional.l1_loss),
    "mse": (MseSpec(), functional.mse_loss),
    "smooth_l1": (SmoothL1Spec(), partial(functional.smooth_l1_loss, beta=0.8)),
    "smooth_l1_sharp": (SmoothL1Spec(beta=0.1), partial(functional.smooth_l1_loss, beta=0.1)),
    "smooth_l1_wide": (SmoothL1Spec(beta=3.0), partial(functional.smooth_l1_loss, beta=3.0)),
}
every_term = pytest.mark.parametrize(("spec", "oracle"), TERMS.values(), ids=TERMS)


@every_term
def test_it_is_torchs(scene, spec, oracle):
    scene = scene(rows=9).tracked()
    values, targets = scene.outputs.predictions["valence"], scene.batch.targets["valence"]
    found, wanted = scene.value(spec), oracle(values, targets)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)
    slopes = [torch.autograd.grad(value, values)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=0)


@every_term
def test_unlabelled_rows_are_left_out_whatever_stands_there(scene, spec, oracle):
    full, labelled = scene(), torch.tensor([False, True, True, False, True])
    targets = torch.where(labelled, full.batch.targets["valence"], torch.nan)
    masked = full.with_batch(
        labelled={**full.batch.labelled, "valence": labelled}, targets={**full.batch.targets, "valence": targets}
    ).tracked()
    loss = masked.value(spec)
    torch.testing.assert_close(loss, full.rows(labelled).value(spec), rtol=1e-12, atol=0)
    slope = masked.gradients(loss)["prediction.valence"]
    assert slope.isfinite().all()
    assert (slope[~labelled] == 0).all()
    assert (slope[labelled] != 0).all()


@every_term
def test_a_hit_has_no_gradient(scene, spec, oracle):
    scene = scene()
    leaves = {**scene.leaves(), "prediction.valence": scene.batch.targets["valence"]}
    scene = scene.with_leaves(leaves).tracked()
    assert (scene.gradients(scene.value(spec))["prediction.valence"] == 0).all()


@every_term
def test_a_task_with_classes_is_refused(scene, spec, oracle):
    wrong = spec.model_copy(update={"task": "emotion"})
    with pytest.raises(StudyError, match="needs a task with values, and 'emotion' has classes; fitting: valence"):
        scene().term(wrong)


def test_smooth_l1_is_hubers_loss_over_beta(scene):
    scene = scene()
    wanted = functional.huber_loss(scene.outputs.predictions["valence"], scene.batch.targets["valence"], delta=0.8)
    torch.testing.assert_close(scene.value(SmoothL1Spec()) * 0.8, wanted, rtol=1e-12, atol=0)
