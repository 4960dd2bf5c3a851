import pytest
import torch
from pydantic import ValidationError
from torch import nn

from butfor.core import own_stream
from butfor.plugins.encoders.lstm import LstmSpec, register_encoders

POOLINGS = ("last", "mean", "attention")


@pytest.mark.usefixtures("float64")
def test_the_default_is_a_linear_layer_on_the_last_valid_state(frames):
    encoder = LstmSpec(width=4).build(features=3).eval()
    lstm = nn.LSTM(3, 4, batch_first=True)
    lstm.load_state_dict(encoder.trunk.layers[0].state_dict())
    encoded = encoder(frames.x, frames.lengths)
    for row, length in enumerate(frames.lengths.tolist()):
        states, (last, _) = lstm(frames.x[row : row + 1, :length])
        by_hand = last[0, 0] @ encoder.output.weight.T + encoder.output.bias
        torch.testing.assert_close(encoded.mean[row], by_hand, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(encoded.sequence[row, :length], states[0], rtol=1e-12, atol=1e-13)
    assert (encoded.mean < 0).any(), "no activation at the end"


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_form_gives_codes_and_sequences_of_width_h(layers, both, pooling, frames):
    spec = LstmSpec(width=4, layers=layers, bidirectional=both, pooling=pooling)
    encoder = spec.build(features=3)
    encoded = encoder(frames.x, frames.lengths)
    assert encoded.mean.shape == (5, 4)
    assert encoded.sequence.shape == (5, 7, 4)
    assert torch.equal(encoded.lengths, frames.lengths)
    assert encoded.log_variance is None
    assert torch.equal(encoded.sample, encoded.mean)
    gradients = torch.autograd.grad(encoded.mean.square().sum(), list(encoder.parameters()))
    assert all(gradient.any() for gradient in gradients), "every parameter is used"


@pytest.mark.usefixtures("float64")
def test_the_three_poolings_differ_only_in_what_they_keep(frames):
    codes = {}
    for pooling in POOLINGS:
        with own_stream("encoder"):
            encoder = LstmSpec(width=4, pooling=pooling).build(features=3).eval()
        codes[pooling] = encoder(frames.x, frames.lengths)
    one_frame = frames.lengths.tolist().index(1)
    for other in ("mean", "attention"):
        torch.testing.assert_close(codes["last"].sequence, codes[other].sequence)
        torch.testing.assert_close(codes["last"].mean[one_frame], codes[other].mean[one_frame])
        assert not torch.allclose(codes["last"].mean[0], codes[other].mean[0])
    assert not torch.allclose(codes["mean"].mean[0], codes["attention"].mean[0])


@pytest.mark.usefixtures("float64")
def test_the_code_does_not_depend_on_padding_or_on_the_other_rows(frames):
    encoder = LstmSpec(width=4, layers=2, bidirectional=True).build(features=3).eval()
    encoded = encoder(frames.x, frames.lengths)
    for row, length in enumerate(frames.lengths.tolist()):
        alone = encoder(frames.x[row : row + 1, :length], frames.lengths[row : row + 1])
        torch.testing.assert_close(alone.mean[0], encoded.mean[row], rtol=1e-12, atol=1e-13)
    longer = torch.cat([frames.x, torch.randn(5, 5, 3)], dim=1)
    torch.testing.assert_close(encoder(longer, frames.lengths).mean, encoded.mean, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("float64")
def test_dropout_falls_on_the_pooled_state_before_the_last_layer(served, frames):
    encoder = LstmSpec(width=4, dropout=0.4).build(features=3)
    with served() as noise:
        trained = encoder(frames.x, frames.lengths).mean
    (uniform,) = noise.served
    assert noise.rates == [encoder.dropout]
    pooled, _ = encoder.trunk(frames.x, frames.lengths, torch.tensor(0.0))
    torch.testing.assert_close(trained, encoder.output(pooled * (uniform >= 0.4) / 0.6))
    assert (uniform < 0.4).any()


@pytest.mark.usefixtures("float64")
def test_the_knob_reaches_the_dropout_between_layers(served, frames):
    encoder = LstmSpec(width=4, dropout=0.4, layers=3).build(features=3)
    with served() as noise:
        encoder(frames.x, frames.lengths)
    assert noise.rates == [encoder.dropout] * 3
    assert [n.ndim for n in noise.served] == [3, 3, 2]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("pooling", POOLINGS)
def test_an_empty_row_is_finite_and_gradients_too(pooling, frames):
    encoder = LstmSpec(width=4, bidirectional=True, pooling=pooling).build(features=3)
    x = frames.x.requires_grad_()
    encoded = encoder(x, torch.tensor([7, 0, 4, 0, 1]))
    gradients = torch.autograd.grad(encoded.mean.square().sum(), [x, *encoder.parameters()])
    assert encoded.mean.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert not gradients[0][[1, 3]].any()


@pytest.mark.usefixtures("float64")
def test_gradients_are_those_of_the_function(frames):
    encoder = LstmSpec(width=2, layers=2, bidirectional=True, pooling="attention").build(features=3).eval()
    x = frames.x.requires_grad_()
    assert torch.autograd.gradcheck(lambda y: encoder(y, frames.lengths).mean, x)


def test_a_single_row_of_a_single_frame_is_encoded():
    encoded = LstmSpec(width=4, bidirectional=True).build(features=3)(torch.randn(1, 1, 3), torch.tensor([1]))
    assert encoded.mean.shape == (1, 4)
    assert encoded.mean.isfinite().all()


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"pooling": "max"}, {"dropout": 1.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        LstmSpec(**wrong)


def test_it_reads_frames_gives_a_sequence_trains_alone_and_is_offered():
    spec = LstmSpec()
    assert spec.requirements() == {"frames"}
    assert spec.capabilities() == {"sequence"}
    assert not spec.stackable
    assert spec.knobs() == ("dropout",)
    assert LstmSpec in register_encoders()
