import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from butfor.core import own_stream
from butfor.core.recurrent import RecurrentTrunk

LENGTHS = torch.tensor([7, 1, 4, 2, 7])
SHAPES = [(layers, both) for layers in (1, 2, 3) for both in (False, True)]
POOLINGS = ("last", "mean", "attention")
NONE = torch.tensor(0.0)


def trunk_of(layers=1, both=False, pooling="last", width=4):
    return RecurrentTrunk(3, width, layers=layers, bidirectional=both, pooling=pooling)


def whole_lstm(trunk):
    """One nn.LSTM with all the trunk's layers."""
    first = trunk.layers[0]
    lstm = nn.LSTM(3, first.hidden_size, len(trunk.layers), batch_first=True, bidirectional=first.bidirectional)
    state = {}
    for number, layer in enumerate(trunk.layers):
        state |= {name.replace("_l0", f"_l{number}"): value for name, value in layer.state_dict().items()}
    lstm.load_state_dict(state)
    return lstm


def by_row(trunk, lstm, frames):
    """Pooled (H,) and states (T, H) of one row (T, D) without padding."""
    states, (last, _) = lstm(frames[None])
    top = torch.cat(list(last[-2:])) if lstm.bidirectional else last[-1]
    states, last = trunk.projection(states[0]), trunk.projection(top[0] if top.shape[0] == 1 else top.flatten())
    if trunk.pooling == "mean":
        return states.mean(0), states
    if trunk.pooling == "attention":
        return trunk.attention.score(states)[:, 0].softmax(0) @ states, states
    return last, states


class Counted(TorchFunctionMode):
    """Takes down shapes and rates of dropout, and lets only the larger half of the values through."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is functional.dropout:
            self.calls.append((tuple(args[0].shape), kwargs["p"], kwargs["training"]))
            return args[0] * (args[0] > 0)
        return func(*args, **(kwargs or {}))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(("layers", "both"), SHAPES)
def test_every_row_is_what_one_lstm_makes_of_it_without_padding(layers, both, pooling):
    trunk = trunk_of(layers, both, pooling)
    lstm = whole_lstm(trunk)
    x = torch.randn(5, 7, 3, requires_grad=True)
    pooled, sequence = trunk(x, LENGTHS, NONE)
    assert pooled.shape == (5, 4)
    assert sequence.shape == (5, 7, 4)
    expected = []
    for row, length in enumerate(LENGTHS.tolist()):
        vector, states = by_row(trunk, lstm, x[row, :length])
        expected.append(vector)
        torch.testing.assert_close(pooled[row], vector, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(sequence[row, :length], states, rtol=1e-12, atol=1e-13)
        assert not sequence[row, length:].any()
    cotangent = torch.randn(5, 4)
    (ours,) = torch.autograd.grad((pooled * cotangent).sum(), x)
    (theirs,) = torch.autograd.grad((torch.stack(expected) * cotangent).sum(), x)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("both", [False, True])
def test_neither_the_amount_nor_the_content_of_padding_matters(both, pooling):
    trunk = trunk_of(2, both, pooling)
    x = torch.randn(5, 7, 3)
    pooled, sequence = trunk(x, LENGTHS, NONE)
    valid = (torch.arange(7)[None] < LENGTHS[:, None])[..., None]
    longer = torch.cat([torch.where(valid, x, float("nan")), torch.full((5, 6, 3), 1e3)], dim=1)
    other, other_sequence = trunk(longer, LENGTHS, NONE)
    torch.testing.assert_close(other, pooled, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(other_sequence[:, :7], sequence, rtol=1e-12, atol=1e-14)
    assert not other_sequence[:, 7:].any()


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("both", [False, True])
def test_a_row_of_length_zero_gives_zero_and_no_gradient_and_leaves_the_others_alone(both, pooling):
    trunk = trunk_of(2, both, pooling)
    empty = torch.tensor([1, 4])
    x = torch.randn(5, 7, 3)
    whole, _ = trunk(x, LENGTHS, NONE)
    x = x.index_fill(0, empty, float("nan")).requires_grad_()
    pooled, sequence = trunk(x, LENGTHS.index_fill(0, empty, 0), NONE)
    assert not sequence[[1, 4]].any()
    torch.testing.assert_close(pooled[[0, 2, 3]], whole[[0, 2, 3]], rtol=1e-12, atol=1e-14)
    assert not pooled[[1, 4]].any()
    gradient, *others = torch.autograd.grad(pooled.square().sum(), [x, *trunk.parameters()])
    assert not gradient[[1, 4]].any()
    assert gradient[0].any()
    assert all(other.isfinite().all() for other in others)


@pytest.mark.usefixtures("float64")
def test_rows_that_are_all_empty_are_zero():
    for pooling in POOLINGS:
        pooled, sequence = trunk_of(pooling=pooling)(torch.zeros(2, 3, 3), torch.zeros(2, dtype=torch.int64), NONE)
        assert not pooled.any()
        assert not sequence.any()


@pytest.mark.usefixtures("float64")
def test_dropout_falls_between_layers_at_the_given_rate_while_training_only():
    trunk = trunk_of(3)
    x = torch.randn(5, 7, 3)
    rate = torch.tensor(0.4)
    with Counted() as seen:
        changed, _ = trunk(x, LENGTHS, rate)
    assert seen.calls == [((5, 7, 4), rate, True)] * 2
    states, _ = trunk.layers[0](x)
    states, _ = trunk.layers[1](states * (states > 0))
    _, (last, _) = trunk.layers[2]((states * (states > 0))[:1])
    torch.testing.assert_close(changed[0], last[0, 0])
    trunk.eval()
    assert torch.equal(trunk(x, LENGTHS, rate)[0], trunk(x, LENGTHS, NONE)[0])


def test_one_layer_draws_nothing():
    with Counted() as seen:
        trunk_of(1)(torch.randn(5, 7, 3), LENGTHS, torch.tensor(0.9))
    assert seen.calls == []


def test_the_draws_do_not_come_from_inside_the_lstm():
    assert all(layer.dropout == 0 and layer.num_layers == 1 for layer in trunk_of(3).layers)


def test_parts_start_the_same_whatever_else_the_trunk_has():
    def weight(**settings):
        with own_stream("trunk"):
            return next(trunk_of(**settings).layers.parameters())

    assert torch.equal(weight(), weight(layers=3))
    assert torch.equal(weight(), weight(pooling="attention"))


def test_lengths_may_be_of_any_integer_type():
    trunk = trunk_of()
    x = torch.randn(5, 7, 3)
    assert torch.equal(trunk(x, LENGTHS.int(), NONE)[0], trunk(x, LENGTHS, NONE)[0])
