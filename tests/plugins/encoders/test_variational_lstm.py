import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from butfor.core import own_stream
from butfor.plugins.encoders.lstm import LstmSpec
from butfor.plugins.encoders.variational_lstm import VariationalLstmSpec, register_encoders


@pytest.mark.usefixtures("float64")
def test_mean_and_log_variance_are_heads_on_a_relu_layer_on_the_last_valid_state(frames, disturb):
    encoder = disturb(VariationalLstmSpec(width=4, log_variance_limit=0.2).build(features=3)).eval()
    encoded = encoder(frames.x, frames.lengths)
    lstm = nn.LSTM(3, 4, batch_first=True)
    lstm.load_state_dict(encoder.trunk.layers[0].state_dict())
    p = dict(encoder.named_parameters())

    def affine(name, vector):
        return p[f"{name}.weight"] @ vector + p[f"{name}.bias"]

    for row, length in enumerate(frames.lengths.tolist()):
        _, (last, _) = lstm(frames.x[row : row + 1, :length])
        hidden = functional.relu(affine("output.0", last[0, 0]))
        torch.testing.assert_close(encoded.mean[row], affine("head.mean.0", hidden), rtol=1e-12, atol=1e-13)
        clamped = affine("head.log_variance.0", hidden).clip(-0.2, 0.2)
        torch.testing.assert_close(encoded.log_variance[row], clamped, rtol=1e-12, atol=1e-13)
    assert 0 < (encoded.log_variance.abs() == 0.2).sum() < 20


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_form_gives_one_code_a_sample_and_uses_every_parameter(layers, both, pooling, frames, disturb):
    spec = VariationalLstmSpec(width=24, layers=layers, bidirectional=both, pooling=pooling, dropout=0)
    encoder = disturb(spec.build(features=3))
    encoded = encoder(frames.x, frames.lengths)
    assert {encoded.mean.shape, encoded.log_variance.shape, encoded.sample.shape} == {(5, 24)}
    assert encoded.sequence.shape == (5, 7, 24)
    assert torch.equal(encoded.lengths, frames.lengths)
    gradients = torch.autograd.grad(encoded.sample.square().sum(), list(encoder.parameters()))
    assert all(gradient.any() for gradient in gradients)


@pytest.mark.usefixtures("float64")
def test_the_trunk_is_that_of_the_deterministic_encoder(frames):
    built = []
    for kind in (LstmSpec, VariationalLstmSpec):
        with own_stream("encoder"):
            built.append(kind(width=4, layers=2, bidirectional=True).build(features=3).eval())
    ours, theirs = (encoder(frames.x, frames.lengths).sequence for encoder in built)
    assert torch.equal(ours, theirs)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
def test_the_heads_read_the_pooling_that_is_asked_for(pooling, frames):
    encoder = VariationalLstmSpec(width=8, pooling=pooling).build(features=3).eval()
    encoded = encoder(frames.x, frames.lengths)
    for row, length in enumerate(frames.lengths.tolist()):
        states = encoded.sequence[row, :length]
        if pooling == "attention":
            kept = encoder.trunk.attention.score(states)[:, 0].softmax(0) @ states
        else:
            kept = {"last": states[-1], "mean": states.mean(0)}[pooling]
        by_hand = encoder.head.mean(encoder.output(kept))
        torch.testing.assert_close(encoded.mean[row], by_hand, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("float64")
def test_the_code_does_not_depend_on_padding_or_on_the_other_rows(frames, disturb):
    encoder = disturb(VariationalLstmSpec(width=4, pooling="attention").build(features=3)).eval()
    encoded = encoder(frames.x, frames.lengths)
    longer = encoder(torch.cat([frames.x, torch.randn(5, 5, 3)], dim=1), frames.lengths)
    for part in ("mean", "log_variance"):
        torch.testing.assert_close(getattr(longer, part), getattr(encoded, part), rtol=1e-12, atol=1e-13)
        for row, length in enumerate(frames.lengths.tolist()):
            alone = encoder(frames.x[row : row + 1, :length], frames.lengths[row : row + 1])
            torch.testing.assert_close(getattr(alone, part)[0], getattr(encoded, part)[row], rtol=1e-12, atol=1e-13)


def test_sigma_is_one_for_every_input_before_training(frames):
    encoded = VariationalLstmSpec(width=4).build(features=3)(100 * frames.x, frames.lengths)
    assert torch.equal(encoded.log_variance, torch.zeros(5, 4))


@pytest.mark.usefixtures("float64")
def test_in_training_the_sample_is_mean_plus_sigma_noise_and_in_evaluation_the_mean(served, frames, disturb):
    encoder = disturb(VariationalLstmSpec(width=4, dropout=0.4).build(features=3))
    with served() as noise:
        encoded = encoder(frames.x, frames.lengths)
    dropped, normal = noise.served
    assert noise.rates == [encoder.dropout]
    pooled, _ = encoder.trunk(frames.x, frames.lengths, torch.tensor(0.0))
    mean = encoder.head.mean(encoder.output(pooled * (dropped >= 0.4) / 0.6))
    torch.testing.assert_close(encoded.mean, mean)
    torch.testing.assert_close(encoded.sample, mean + normal * encoded.log_variance.div(2).exp())
    evaluated = encoder.eval()(frames.x, frames.lengths)
    assert torch.equal(evaluated.sample, evaluated.mean)


@pytest.mark.usefixtures("float64")
def test_soft_clamping_reaches_the_head(frames, disturb):
    hard = disturb(VariationalLstmSpec(width=4, log_variance_limit=80).build(features=3)).eval()
    soft = VariationalLstmSpec(width=4, log_variance_limit=0.5, clamp="soft").build(features=3).eval()
    soft.load_state_dict(hard.state_dict())
    raw = hard(frames.x, frames.lengths).log_variance
    torch.testing.assert_close(soft(frames.x, frames.lengths).log_variance, 0.5 * torch.tanh(raw / 0.5))


@pytest.mark.usefixtures("float64")
def test_an_empty_row_is_finite_and_gradients_too(frames, disturb):
    encoder = disturb(VariationalLstmSpec(width=4, bidirectional=True).build(features=3))
    x = frames.x.requires_grad_()
    encoded = encoder(x, torch.tensor([7, 0, 4, 0, 1]))
    total = encoded.sample.square().sum() + encoded.log_variance.sum()
    gradients = torch.autograd.grad(total, [x, *encoder.parameters()])
    assert total.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert not gradients[0][[1, 3]].any()


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"pooling": "max"}, {"clamp": "none"}, {"log_variance_limit": 81}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        VariationalLstmSpec(**wrong)


def test_it_reads_frames_gives_variance_and_sequence_trains_alone_and_is_offered():
    spec = VariationalLstmSpec()
    assert spec.requirements() == {"frames"}
    assert spec.capabilities() == {"variance", "sequence"}
    assert not spec.stackable
    assert spec.knobs() == ("dropout", "log_variance_limit")
    assert VariationalLstmSpec in register_encoders()
