from typing import Literal

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from butfor.core import EncoderSpec, own_stream
from butfor.core.catalogue import Catalogue, Entry
from butfor.plugins.encoders.lstm import LstmSpec
from butfor.plugins.encoders.mean_pool import MeanPoolSpec, register_encoders
from butfor.plugins.encoders.mlp import MlpSpec
from butfor.plugins.encoders.variational_mlp import VariationalMlpSpec


class NeedySpec(EncoderSpec):
    """An encoder of either input that needs something more."""

    name: Literal["needy"] = "needy"
    needs = frozenset({"speaker"})

    def build(self, *, features):
        return nn.Linear(features, self.width)


@pytest.fixture
def catalogue():
    kinds = (MlpSpec, VariationalMlpSpec, LstmSpec, MeanPoolSpec, NeedySpec)
    return Catalogue({("encoder", k.model_fields["name"].default): Entry(k, "butfor", "0", "") for k in kinds})


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("inside", [MlpSpec(), VariationalMlpSpec(), VariationalMlpSpec(variant="deep")])
def test_it_is_the_encoder_inside_on_the_mean_of_each_row_cut_to_its_length(inside, frames, disturb, ones):
    encoder = disturb(MeanPoolSpec(width=4, encoder=inside).build(features=3)).eval()
    x = frames.x.requires_grad_()
    encoded = encoder(x, frames.lengths)
    means = torch.stack([x[row, :length].mean(0) for row, length in enumerate(frames.lengths.tolist())])
    expected = encoder.encoder(means, ones(5))
    torch.testing.assert_close(encoded.mean, expected.mean, rtol=1e-12, atol=1e-14)
    (ours,) = torch.autograd.grad(encoded.mean.square().sum(), x, retain_graph=True)
    (theirs,) = torch.autograd.grad(expected.mean.square().sum(), x)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-14)
    assert (encoded.log_variance is None) == (inside.name == "mlp")


@pytest.mark.usefixtures("float64")
def test_neither_the_amount_nor_the_content_of_padding_matters(frames):
    encoder = MeanPoolSpec(width=4, encoder=MlpSpec()).build(features=3).eval()
    longer = torch.cat([frames.x, torch.full((5, 3, 3), 1e3)], dim=1)
    ours, theirs = encoder(longer, frames.lengths).mean, encoder(frames.x, frames.lengths).mean
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    assert encoder(frames.x, frames.lengths).sequence is None


@pytest.mark.usefixtures("float64")
def test_an_empty_row_is_encoded_as_the_zero_mean(frames, ones):
    encoder = MeanPoolSpec(width=4, encoder=MlpSpec()).build(features=3).eval()
    x = frames.x.requires_grad_()
    encoded = encoder(x, torch.tensor([7, 0, 4, 2, 7]))
    torch.testing.assert_close(encoded.mean[1], encoder.encoder(torch.zeros(1, 3), ones(1)).mean[0])
    (gradient,) = torch.autograd.grad(encoded.mean.sum(), x)
    assert not gradient[1].any()


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("inside", [MlpSpec, VariationalMlpSpec])
def test_three_trials_with_their_own_rates_train_as_one_stack(inside, check_stack, disturb, frames):
    specs = [MeanPoolSpec(width=4, encoder=inside(dropout=rate)) for rate in (0.0, 0.3, 0.7)]
    modules = [disturb(spec.build(features=3)) for spec in specs]
    check_stack(modules, torch.randn(3, 5, 7, 3), frames.lengths)


def test_the_default_inside_is_the_deterministic_encoder(catalogue):
    spec = catalogue.make(EncoderSpec, "mean_pool")
    assert spec.encoder == MlpSpec()
    assert spec.capabilities() == frozenset()


def test_it_needs_frames_and_gives_what_the_encoder_inside_gives(catalogue):
    spec = catalogue.make(EncoderSpec, {"name": "mean_pool", "encoder": "variational_mlp"})
    assert spec.requirements() == {"frames"}
    assert spec.capabilities() == {"variance"}
    assert MeanPoolSpec in register_encoders()


def test_any_further_need_of_the_encoder_inside_is_passed_on(catalogue):
    spec = catalogue.make(EncoderSpec, {"name": "mean_pool", "encoder": "needy"})
    assert spec.requirements() == {"frames", "speaker"}


@pytest.mark.parametrize("inside", ["lstm", "mean_pool"])
def test_an_encoder_of_frames_inside_is_refused(inside, catalogue):
    with pytest.raises(ValidationError, match=f"encoder '{inside}' reads frames"):
        catalogue.make(EncoderSpec, {"name": "mean_pool", "encoder": inside})


def test_an_unknown_encoder_inside_is_refused_with_the_nearest_name(catalogue):
    with pytest.raises(ValidationError, match="did you mean 'mlp'"):
        catalogue.make(EncoderSpec, {"name": "mean_pool", "encoder": "mlpp"})


def test_its_width_is_that_of_the_encoder_inside(catalogue, ones):
    spec = catalogue.make(EncoderSpec, {"name": "mean_pool", "width": 6, "encoder": {"name": "mlp", "dropout": 0.1}})
    encoder = spec.build(features=3)
    assert encoder(torch.randn(2, 4, 3), ones(2)).mean.shape == (2, 6)
    assert encoder.encoder.dropout.item() == pytest.approx(0.1)


def test_a_width_inside_that_differs_is_refused_and_an_equal_one_is_not(catalogue):
    settings = {"name": "mean_pool", "width": 6, "encoder": {"name": "mlp", "width": 7}}
    with pytest.raises(ValidationError, match=r"mean_pool has width 6, and encoder 'mlp' inside says 7"):
        catalogue.make(EncoderSpec, settings)
    settings["width"] = 7
    assert catalogue.make(EncoderSpec, settings).width == 7
    with pytest.raises(ValidationError, match=r"mean_pool has width 128, and encoder 'mlp' inside says 7"):
        MeanPoolSpec(encoder=MlpSpec(width=7))


def test_resolved_settings_name_the_width_once_and_can_be_read_again_with_another(catalogue):
    spec = MeanPoolSpec(width=6, encoder=VariationalMlpSpec(dropout=0.1, variant="deep"))
    resolved = spec.resolved()
    assert resolved["width"] == 6
    assert {"width": 128, **resolved["encoder"]} == spec.encoder.resolved()
    assert "width" not in resolved["encoder"]
    assert catalogue.make(EncoderSpec, resolved).resolved() == resolved
    assert catalogue.make(EncoderSpec, {**resolved, "width": 9}).build(features=3).encoder.head.mean[0].in_features == 9


def test_the_width_of_a_copy_governs_too():
    spec = MeanPoolSpec(encoder=MlpSpec()).model_copy(update={"width": 5})
    assert spec.build(features=3).encoder.layers[0].out_features == 5


def test_the_encoder_inside_starts_from_a_stream_of_its_own():
    with own_stream("outer"):
        ours = MeanPoolSpec(width=4, encoder=MlpSpec()).build(features=3)
    with own_stream("outer"), own_stream("encoder"):
        theirs = MlpSpec(width=4).build(features=3)
    assert torch.equal(ours.encoder.layers[0].weight, theirs.layers[0].weight)
