import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.special import erf

from butfor.core import own_stream
from butfor.plugins.encoders.mlp import MlpSpec
from butfor.plugins.encoders.variational_mlp import VariationalMlpSpec, register_encoders

VARIANTS = ("v4", "relu_plain", "deep")


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def relu(x):
    return np.where(x.real > 0, x, 0)


def linear(p, name, x):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def norm(p, name, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def norm_gelu(p, name, x):
    return gelu(norm(p, f"{name}.1", linear(p, f"{name}.0", x)))


def hidden_v4(p, x, skipped):
    skip = linear(p, "skip", skipped) if "skip.weight" in p else skipped
    return norm_gelu(p, "layers.1", norm_gelu(p, "layers.0", x)) + skip


def hidden_relu_plain(p, x):
    return relu(linear(p, "layers.2", relu(linear(p, "layers.0", x))))


def heads(p, hidden, *, deep=False, limit=10.0):
    last = 0
    mean = log_variance = hidden
    if deep:
        last = 2
        mean = gelu(linear(p, "head.mean.0", hidden))
        log_variance = gelu(linear(p, "head.log_variance.0", hidden))
    mean = linear(p, f"head.mean.{last}", mean)
    raw = linear(p, f"head.log_variance.{last}", log_variance)
    clamped = np.where(raw.real > limit, limit, np.where(raw.real < -limit, -limit, raw))
    return mean, clamped


def oracle_v4(p, x, limit=10.0):
    return heads(p, hidden_v4(p, x, x), limit=limit)


def oracle_relu_plain(p, x, limit=10.0):
    return heads(p, hidden_relu_plain(p, x), limit=limit)


def oracle_deep(p, x, limit=10.0):
    hidden = norm_gelu(p, "last", norm_gelu(p, "narrow", norm_gelu(p, "wide", x))) + linear(p, "skip", x)
    return heads(p, hidden, deep=True, limit=limit)


ORACLES = {"v4": oracle_v4, "relu_plain": oracle_relu_plain, "deep": oracle_deep}


def numbers(module):
    return {name: parameter.detach().numpy().copy() for name, parameter in module.named_parameters()}


def complex_step(oracle, p, x, cotangents, limit):
    """Gradients by the complex step: exact to rounding, and independent of any chain rule."""

    def scalar(q, y):
        return sum((c * part).sum() for c, part in zip(cotangents, oracle(q, y, limit), strict=True))

    def slopes(array, evaluate):
        found = np.empty_like(array)
        for place in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[place] += 1e-20j
            found[place] = evaluate(moved).imag / 1e-20
        return found

    gradients = {name: slopes(value, lambda v, n=name: scalar({**p, n: v}, x)) for name, value in p.items()}
    return gradients, slopes(x, lambda y: scalar(p, y))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("features", [5, 4])
@pytest.mark.parametrize("variant", VARIANTS)
def test_mean_and_log_variance_and_their_gradients_are_those_of_numpy(variant, features, rows, ones, disturb):
    encoder = disturb(VariationalMlpSpec(variant=variant, width=4).build(features=features)).eval()
    x = torch.randn(rows, features, requires_grad=True)
    p = numbers(encoder)
    _, unclamped = ORACLES[variant](p, x.detach().numpy(), np.inf)
    limit = float(np.median(np.abs(unclamped)))
    encoder.log_variance_limit.fill_(limit)
    encoded = encoder(x, ones(rows))
    mean, log_variance = ORACLES[variant](p, x.detach().numpy(), limit)
    np.testing.assert_allclose(encoded.mean.detach().numpy(), mean, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(encoded.log_variance.detach().numpy(), log_variance, rtol=1e-10, atol=1e-13)
    assert (np.abs(log_variance) == limit).sum() == log_variance.size / 2, "both sides of the clamp are seen"

    cotangents = torch.randn(2, rows, 4)
    total = (cotangents[0] * encoded.mean).sum() + (cotangents[1] * encoded.log_variance).sum()
    names, parameters = zip(*encoder.named_parameters(), strict=True)
    *by_parameter, by_x = torch.autograd.grad(total, [*parameters, x])
    expected, expected_x = complex_step(ORACLES[variant], p, x.detach().numpy(), cotangents.numpy(), limit)
    for name, gradient in zip(names, by_parameter, strict=True):
        np.testing.assert_allclose(gradient.numpy(), expected[name], rtol=1e-10, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(by_x.numpy(), expected_x, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_rows_give_equal_codes_and_finite_gradients(variant, ones, disturb):
    encoder = disturb(VariationalMlpSpec(variant=variant, width=4).build(features=5)).eval()
    x = torch.full((3, 5), 1.7, requires_grad=True)
    encoded = encoder(x, ones(3))
    torch.testing.assert_close(encoded.mean[0], encoded.mean[2], rtol=1e-14, atol=0)
    (gradient,) = torch.autograd.grad(encoded.mean.sum() + encoded.log_variance.sum(), x)
    assert gradient.isfinite().all()


@pytest.mark.parametrize(("features", "count"), [(1024, 312_448), (5120, 1_361_024), (768, 246_912)])
def test_v4_has_as_many_parameters_as_the_original(features, count):
    encoder = VariationalMlpSpec().build(features=features)
    assert sum(p.numel() for p in encoder.parameters()) == count


def test_the_other_variants_have_the_parameters_counted_by_hand():
    def affine(inputs, outputs):
        return inputs * outputs + outputs

    def counted(variant):
        return sum(p.numel() for p in VariationalMlpSpec(variant=variant).build(features=1024).parameters())

    h = 128
    assert counted("relu_plain") == affine(1024, h) + 3 * affine(h, h)
    norms = 2 * (2 * h + h + h)
    layers = affine(1024, 2 * h) + affine(2 * h, h) + affine(h, h)
    assert counted("deep") == layers + norms + affine(1024, h) + 4 * affine(h, h)


def test_only_v4_skips_by_identity_where_features_equal_width():
    by_variant = {
        v: dict(VariationalMlpSpec(variant=v, width=6).build(features=6).named_parameters()) for v in VARIANTS
    }
    assert not any(name.startswith("skip") for name in by_variant["v4"])
    assert by_variant["deep"]["skip.weight"].shape == (6, 6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_sigma_is_one_for_every_input_before_training(variant, ones):
    encoder = VariationalMlpSpec(variant=variant, width=16).build(features=5)
    encoded = encoder(100 * torch.randn(32, 5), ones(32))
    assert torch.equal(encoded.log_variance, torch.zeros(32, 16))
    assert encoded.mean.std() > 0


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("variant", VARIANTS)
def test_in_evaluation_the_sample_is_the_mean(variant, ones, disturb):
    encoder = disturb(VariationalMlpSpec(variant=variant, width=4).build(features=5))
    x = torch.randn(6, 5)
    trained = encoder(x, ones(6))
    assert not torch.equal(trained.sample, trained.mean)
    evaluated = encoder.eval()(x, ones(6))
    assert torch.equal(evaluated.sample, evaluated.mean)
    assert torch.equal(evaluated.mean, encoder(x, ones(6)).mean)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("sees", [True, False])
def test_the_skip_of_v4_sees_the_dropout_or_not(sees, served, ones, disturb):
    spec = VariationalMlpSpec(width=4, dropout=0.4, skip_sees_dropout=sees)
    encoder = disturb(spec.build(features=5))
    x = torch.randn(6, 5)
    with served() as noise:
        encoded = encoder(x, ones(6))
    dropped = (x * (noise.served[0] >= 0.4) / 0.6).numpy()
    hidden = hidden_v4(numbers(encoder), dropped, dropped if sees else x.numpy())
    mean, log_variance = heads(numbers(encoder), hidden)
    np.testing.assert_allclose(encoded.mean.detach().numpy(), mean, rtol=1e-10)
    np.testing.assert_allclose(encoded.log_variance.detach().numpy(), log_variance, rtol=1e-10)
    assert not np.allclose(dropped, x.numpy())


@pytest.mark.usefixtures("float64")
def test_relu_plain_drops_features_only(served, ones, disturb):
    encoder = disturb(VariationalMlpSpec(variant="relu_plain", width=4, dropout=0.4).build(features=5))
    x = torch.randn(6, 5)
    with served() as noise:
        encoded = encoder(x, ones(6))
    assert [tuple(n.shape) for n in noise.served] == [(6, 5), (6, 4)]
    mean, _ = oracle_relu_plain(numbers(encoder), (x * (noise.served[0] >= 0.4) / 0.6).numpy())
    np.testing.assert_allclose(encoded.mean.detach().numpy(), mean, rtol=1e-10)


@pytest.mark.usefixtures("float64")
def test_deep_drops_after_its_first_two_layers_and_leaves_the_features_whole(served, ones, disturb):
    encoder = disturb(VariationalMlpSpec(variant="deep", width=4, dropout=0.4).build(features=5))
    x = torch.randn(6, 5)
    with served() as noise:
        encoded = encoder(x, ones(6))
    wide, narrow, _ = (n.numpy() for n in noise.served)
    assert (wide.shape, narrow.shape) == ((6, 8), (6, 4))
    p = numbers(encoder)
    hidden = norm_gelu(p, "wide", x.numpy()) * (wide >= 0.4) / 0.6
    hidden = norm_gelu(p, "narrow", hidden) * (narrow >= 0.4) / 0.6
    hidden = norm_gelu(p, "last", hidden) + linear(p, "skip", x.numpy())
    mean, _ = heads(p, hidden, deep=True)
    np.testing.assert_allclose(encoded.mean.detach().numpy(), mean, rtol=1e-10)


@pytest.mark.usefixtures("float64")
def test_soft_clamping_bends_the_log_variance_by_tanh(ones, disturb):
    hard = disturb(VariationalMlpSpec(width=4, log_variance_limit=80).build(features=5)).eval()
    soft = VariationalMlpSpec(width=4, log_variance_limit=0.5, clamp="soft").build(features=5).eval()
    soft.load_state_dict(hard.state_dict())
    x = torch.randn(6, 5)
    raw = hard(x, ones(6)).log_variance.detach().numpy()
    bent = soft(x, ones(6)).log_variance.detach().numpy()
    np.testing.assert_allclose(bent, 0.5 * np.tanh(raw / 0.5), rtol=1e-12)
    assert (np.abs(raw) > 0.5).any()


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("variant", VARIANTS)
def test_three_trials_with_their_own_knobs_train_as_one_stack(variant, check_stack, disturb, ones):
    knobs = [(0.0, 0.3), (0.3, 1.0), (0.7, 10.0)]
    specs = [VariationalMlpSpec(variant=variant, width=4, dropout=p, log_variance_limit=c) for p, c in knobs]
    modules = [disturb(spec.build(features=5)) for spec in specs]
    check_stack(modules, torch.randn(3, 6, 5), ones(6))
    check_stack([module.eval() for module in modules], torch.randn(3, 6, 5), ones(6))


@pytest.mark.usefixtures("float64")
def test_soft_clamping_and_an_undropped_skip_stack_too(check_stack, disturb, ones):
    spec = VariationalMlpSpec(width=4, clamp="soft", log_variance_limit=0.5, skip_sees_dropout=False)
    check_stack([disturb(spec.build(features=4)) for _ in range(3)], torch.randn(3, 6, 4), ones(6))


def test_the_knobs_are_scalar_buffers():
    encoder = VariationalMlpSpec(dropout=0.2, log_variance_limit=5).build(features=5)
    assert {name: buffer.item() for name, buffer in encoder.named_buffers()} == pytest.approx(
        {"dropout": 0.2, "log_variance_limit": 5.0}
    )
    assert VariationalMlpSpec.knobs() == ("dropout", "log_variance_limit")


def test_the_variants_and_the_deterministic_encoder_start_from_the_same_first_layer():
    def first(spec):
        with own_stream("encoder"):
            encoder = spec.build(features=5)
        return next(encoder.layers.parameters())

    weight = first(VariationalMlpSpec(width=4))
    assert torch.equal(weight, first(VariationalMlpSpec(width=4, variant="relu_plain")))
    assert torch.equal(weight, first(MlpSpec(width=4)))


@pytest.mark.parametrize("variant", ["relu_plain", "deep"])
def test_a_skip_setting_that_nothing_reads_is_refused(variant):
    with pytest.raises(ValidationError, match=f"skip_sees_dropout.*only with `variant: v4`; '{variant}'"):
        VariationalMlpSpec(variant=variant, skip_sees_dropout=False)
    assert VariationalMlpSpec(variant=variant, skip_sees_dropout=True).variant == variant


@pytest.mark.parametrize(
    "wrong", [{"variant": "v5"}, {"clamp": "none"}, {"log_variance_limit": 0}, {"dropout": 1}, {"width": 0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        VariationalMlpSpec(**wrong)


def test_it_reads_utterances_gives_a_variance_and_is_offered():
    spec = VariationalMlpSpec()
    assert spec.requirements() == {"utterance"}
    assert spec.capabilities() == {"variance"}
    assert spec.stackable
    assert VariationalMlpSpec in register_encoders()
