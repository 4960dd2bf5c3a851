import numpy as np
import pytest
import torch
from pydantic import ValidationError

from butfor.plugins.encoders.mlp import MlpSpec, register_encoders


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rows", [1, 6])
def test_three_relu_layers_written_in_numpy_give_the_same(rows, ones, disturb):
    encoder = disturb(MlpSpec(width=4).build(features=5)).eval()
    x = torch.randn(rows, 5)
    hidden = x.numpy()
    for layer in (encoder.layers[0], encoder.layers[2], encoder.layers[4]):
        hidden = np.maximum(hidden @ layer.weight.detach().numpy().T + layer.bias.detach().numpy(), 0)
    encoded = encoder(x, ones(rows))
    np.testing.assert_allclose(encoded.mean.detach().numpy(), hidden, rtol=1e-12)
    assert hidden.any()


@pytest.mark.usefixtures("float64")
def test_gradients_are_those_of_the_function(ones, disturb):
    encoder = disturb(MlpSpec(width=4).build(features=5)).eval()
    x = torch.randn(3, 5, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y: encoder(y, ones(3)).mean, x)


def test_the_sample_is_the_mean_in_training_and_there_is_no_variance(ones):
    encoder = MlpSpec(width=4).build(features=5)
    encoded = encoder(torch.randn(3, 5), ones(3))
    assert torch.equal(encoded.sample, encoded.mean)
    assert encoded.log_variance is None
    assert encoded.sequence is None


@pytest.mark.usefixtures("float64")
def test_dropout_falls_on_the_features_at_the_knobs_rate_and_nowhere_else(served, ones):
    encoder = MlpSpec(width=4, dropout=0.25).build(features=5)
    x = torch.randn(6, 5)
    with served() as noise:
        trained = encoder(x, ones(6)).mean
    (uniform,) = noise.served
    assert noise.rates == [encoder.dropout]
    assert 0 < (uniform < 0.25).sum() < 30
    by_hand = encoder.eval()(x * (uniform >= 0.25) / 0.75, ones(6)).mean
    torch.testing.assert_close(trained, by_hand)


def test_dropout_takes_the_knob_without_the_engine_too(ones):
    encoder = MlpSpec(width=64, dropout=0.9).build(features=5)
    x = torch.randn(64, 5)
    assert not torch.equal(encoder(x, ones(64)).mean, encoder(x, ones(64)).mean)
    encoder.eval()
    assert torch.equal(encoder(x, ones(64)).mean, encoder(x, ones(64)).mean)


def test_the_knob_is_a_scalar_buffer_outside_the_state():
    encoder = MlpSpec(width=4, dropout=0.2).build(features=5)
    assert dict(encoder.named_buffers()) == {"dropout": encoder.dropout}
    assert encoder.dropout.shape == ()
    assert encoder.dropout.item() == pytest.approx(0.2)
    assert "dropout" not in encoder.state_dict()


@pytest.mark.usefixtures("float64")
def test_three_trials_with_their_own_rates_train_as_one_stack(check_stack, disturb, ones):
    modules = [disturb(MlpSpec(width=4, dropout=rate).build(features=5)) for rate in (0.0, 0.3, 0.7)]
    check_stack(modules, torch.randn(3, 6, 5), ones(6))


def test_parameters_are_counted_by_hand():
    encoder = MlpSpec().build(features=1024)
    assert sum(p.numel() for p in encoder.parameters()) == 1024 * 128 + 128 + 2 * (128 * 128 + 128)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_outside_the_half_open_unit_interval_is_refused(rate):
    with pytest.raises(ValidationError, match="dropout"):
        MlpSpec(dropout=rate)


def test_it_reads_utterances_gives_no_variance_and_is_offered():
    spec = MlpSpec()
    assert spec.requirements() == {"utterance"}
    assert spec.capabilities() == frozenset()
    assert MlpSpec in register_encoders()
