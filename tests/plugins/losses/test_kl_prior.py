import pytest
import torch
from torch.distributions import Normal, kl_divergence

from butfor.core import TrainingError
from butfor.plugins.losses.kl_prior import KlPriorSpec

pytestmark = pytest.mark.usefixtures("float64")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def divergence(encoded):
    """(B, H) from torch.distributions."""
    prior = Normal(torch.zeros_like(encoded.mean), torch.ones_like(encoded.mean))
    return kl_divergence(Normal(encoded.mean, (encoded.log_variance / 2).exp()), prior)


@pytest.mark.parametrize("modalities", [("text",), ("audio", "text", "video"), ("a", "b", "c", "d")])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_it_is_the_divergence_of_torch_distributions(scene, modalities, reduction):
    scene = scene(modalities=modalities).tracked()
    found = scene.value(KlPriorSpec(reduction=reduction))
    each = torch.stack([divergence(encoded) for encoded in scene.outputs.encoded.values()])
    wanted = (each.sum(-1) if reduction == "sum" else each.mean(-1)).mean()
    torch.testing.assert_close(found, wanted, **CLOSE)
    torch.testing.assert_close(scene.gradients(found), scene.gradients(wanted), **CLOSE)


@pytest.mark.parametrize("log_variance", [-10.0, 10.0])
def test_it_is_exact_at_the_ends_of_the_clamp(scene, log_variance):
    scene = scene(rows=1, modalities=("text",))
    ends = {**scene.leaves(), "log_variance.text": torch.full((1, 4), log_variance)}
    scene = scene.with_leaves(ends).tracked()
    torch.testing.assert_close(scene.value(KlPriorSpec()), divergence(scene.outputs.encoded["text"]).sum(), **CLOSE)
    assert torch.autograd.gradcheck(
        lambda lv: scene.with_leaves({**scene.leaves(), "log_variance.text": lv}).value(KlPriorSpec()),
        scene.leaves()["log_variance.text"],
    )


def test_the_prior_itself_is_at_zero_with_no_gradient(scene):
    scene = scene()
    scene = scene.with_leaves({name: torch.zeros_like(leaf) for name, leaf in scene.leaves().items()}).tracked()
    loss = scene.value(KlPriorSpec())
    assert loss == 0
    assert all((slope == 0).all() for slope in scene.gradients(loss).values())


def test_each_modality_is_averaged_over_the_rows_that_have_it(scene):
    scene = scene()
    present = scene.batch.present.clone()
    present[1:4, 0] = False
    present[:, 2] = False
    scene = scene.with_batch(present=present)
    audio, text, _ = (divergence(encoded).sum(-1) for encoded in scene.outputs.encoded.values())
    wanted = (audio[[0, 4]].mean() + text.mean() + 0) / 3
    torch.testing.assert_close(scene.value(KlPriorSpec()), wanted, **CLOSE)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_free_bits_are_the_floor_of_each_dimensions_mean_over_the_batch(scene, reduction):
    scene = scene(modalities=("text",)).tracked()
    each = divergence(scene.outputs.encoded["text"]).mean(dim=0)
    floor = float(each.detach().sort().values[1:3].mean())
    loss = scene.value(KlPriorSpec(free_bits=floor, reduction=reduction))
    wanted = each.clamp(min=floor)
    torch.testing.assert_close(loss, wanted.sum() if reduction == "sum" else wanted.mean(), **CLOSE)
    slope = scene.gradients(loss)["mean.text"].abs().sum(dim=0)
    assert ((slope == 0) == (each < floor)).all()


def test_free_bits_of_an_absent_modality_are_not_charged(scene):
    scene = scene()
    scene = scene.with_batch(present=torch.zeros_like(scene.batch.present))
    assert scene.value(KlPriorSpec(free_bits=0.5)) == 0


def test_an_encoding_without_a_variance_is_refused(scene):
    scene = scene()
    bare = {name: encoded._replace(log_variance=None) for name, encoded in scene.outputs.encoded.items()}
    with pytest.raises(TrainingError, match="needs encoders with a variance"):
        scene.term(KlPriorSpec())(scene.outputs._replace(encoded=bare), scene.batch)
    assert KlPriorSpec().requirements() == {"variance"}
