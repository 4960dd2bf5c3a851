"""The conformance kit: what every plugin owes, as functions that a plugin's own tests can call.

    from butfor.core.testing import check_fusion
    def test_my_fusion_keeps_the_contract(): check_fusion(MySpec())

Each check raises AssertionError with the rule that is broken. They cover one to four modalities of any name, absent
modalities, a batch of one, extreme log-variances, determinism under served noise, and stacking under `torch.func`.
"""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.func import functional_call, stack_module_state, vmap

from .batch import Batch, Encoded, Fused, Outputs, Shapes
from .dataset import Dataset, Task
from .engine.noise import ServedNoise
from .modules import frame_mask, own_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from .specs import DatasetSpec, EncoderSpec, FusionSpec, LossSpec, Spec

NAMES = ("voice", "words", "face", "gaze")
ROWS, WIDTH, FEATURES, STEPS, CLASSES = 6, 8, 5, 4, 3
TASKS = {"emotion": Task("emotion", "classes", ("a", "b", "c")), "valence": Task("valence", "values", span=3)}


def check_spec(spec: Spec) -> None:
    """A spec is frozen, documented field by field, survives JSON, and has a name and a summary."""
    kind = type(spec)
    assert kind.__doc__, f"{kind.__name__} has no docstring"
    for name, field in kind.model_fields.items():
        assert name == "name" or field.description, f"{kind.__name__}.{name} has no docstring"
        assert not field.is_required(), f"{kind.__name__}.{name} has no default"
    assert spec.name == kind.model_fields["name"].default, f"{kind.__name__} was made under another name"
    resolved = spec.resolved()
    assert json.loads(json.dumps(resolved, allow_nan=False)) == resolved, f"{kind.__name__} is not plain JSON"
    assert kind.model_config.get("frozen"), f"{kind.__name__} can be changed after it was checked"


def check_encoder(spec: EncoderSpec) -> None:
    """`forward(x, lengths) -> Encoded`: shapes, what it gives, padding ignored, finite gradients, stacking."""
    frames = "frames" in spec.requirements()
    module = built(partial(spec.build, features=FEATURES))
    shape = (ROWS, STEPS, FEATURES) if frames else (ROWS, FEATURES)
    lengths = torch.tensor([4, 1, 2, 3, 4, 1]) if frames else torch.ones(ROWS, dtype=torch.int64)
    x = _padded(torch.randn(shape), lengths)

    def forward(module: Callable[..., Any]) -> Tensor:
        encoded = module(x, lengths)
        return torch.cat([part for part in (encoded.mean, encoded.log_variance, encoded.sample) if part is not None])

    encoded = cast("Encoded", module.eval()(x, lengths))
    assert encoded.mean.shape == (ROWS, spec.width), f"mean has shape {tuple(encoded.mean.shape)}"
    assert torch.equal(encoded.sample, encoded.mean), "in evaluation the sample is the mean"
    assert (encoded.log_variance is not None) == ("variance" in spec.capabilities()), "`variance` given, or not"
    assert (encoded.sequence is not None) == ("sequence" in spec.capabilities()), "`sequence` given, or not"
    if frames:
        longer = torch.cat([x, x.new_full((ROWS, 3, FEATURES), 7.0)], dim=1)
        again = cast("Encoded", module(longer, lengths))
        assert torch.allclose(again.mean, encoded.mean, atol=1e-6), "padding changes the encoding"
    grads = torch.autograd.grad(forward(module).square().sum(), list(module.parameters()), materialize_grads=True)
    assert all(torch.isfinite(grad).all() for grad in grads), "a gradient is not finite"
    _check_training(spec, module, forward)


def check_fusion(spec: FusionSpec) -> None:
    """`forward(encoded, present) -> Fused` for one to four modalities, any of them absent, alone or all together."""
    for num in range(1, len(NAMES) + 1):
        names = NAMES[:num]
        module = built(partial(spec.build, modalities=names, width=WIDTH))
        for rows in (ROWS, 1):
            present = torch.ones(rows, num, dtype=torch.bool)
            _check_fused(module, encodings(names, rows), present)
        present = torch.rand(ROWS, num) < 0.5  # noqa: PLR2004 - a coin
        present[0], present[1] = True, False
        _check_fused(module, encodings(names, ROWS, present), present)
        _check_absent_is_unread(module, names, present)
        encoded = encodings(names, ROWS, present)
        _check_training(spec, module, partial(_vector, encoded, present))


def check_loss(spec: LossSpec) -> None:
    """`forward(outputs, batch) -> Tensor ()`: finite for whole and for partly absent batches, masked, stackable."""
    for num in (1, 2, 4):
        names = NAMES[:num]
        for frames in (False, True):
            shapes = Shapes("term", dict.fromkeys(names, FEATURES), dict.fromkeys(names, frames), WIDTH, TASKS)
            module = built(partial(spec.build, shapes=shapes))
            for empty in (False, True):
                outputs, batch = outcome(names, frames=frames, empty=empty)
                value = module(outputs, batch)
                assert value.shape == (), f"a term is a 0-d tensor, not {tuple(value.shape)}"
                assert torch.isfinite(value), "a term is finite whatever is absent or unlabelled"
                if empty:
                    assert value.detach() == 0, "a term without any row to work on is 0"
            _check_masked(module, names, frames=frames)
            outputs, batch = outcome(names, frames=frames)
            _check_training(spec, module, partial(_value, outputs, batch))


def check_dataset(spec: DatasetSpec) -> None:
    """`load() -> Dataset`: valid, the same each time, with the modalities that the spec names."""
    data, again = spec.load(), spec.load()
    assert isinstance(data, Dataset)
    assert data.modalities == spec.modality_names(), "load and modality_names disagree"
    assert data.digest() == again.digest(), "loading twice gives different data"
    assert data.digest() != Dataset({m: x + 1 for m, x in data.features.items()}, data.tasks, data.targets).digest(), (
        "the digest does not see the features"
    )


def built(make: Callable[[], nn.Module]) -> nn.Module:
    """Build under a stream of its own and see that doing so leaves torch's generator alone and repeats itself."""
    modules = []
    for _ in range(2):
        with own_stream("conformance"):
            modules.append(make())
    first, second = (dict(module.named_parameters()) for module in modules)
    assert all(torch.equal(value, second[name]) for name, value in first.items()), "initialisation is not repeatable"
    return modules[0]


def encodings(names: tuple[str, ...], rows: int, present: Tensor | None = None) -> dict[str, Encoded]:
    """Random encodings as the engine hands them to a fusion: zeros where absent, log-variances up to +-10."""
    encoded = {}
    for column, name in enumerate(names):
        keep = torch.ones(rows, dtype=torch.bool) if present is None else present[:, column]
        mean = torch.where(keep[:, None], torch.randn(rows, WIDTH), 0.0).requires_grad_()
        spread = torch.randn(rows, WIDTH)
        spread[0] = 10.0 if column % 2 else -10.0
        encoded[name] = Encoded(mean, spread.requires_grad_(), mean)
    return encoded


def outcome(names: tuple[str, ...], *, frames: bool, empty: bool = False) -> tuple[Outputs, Batch]:
    """Random outputs and the batch they are of; `empty` has nothing present and nothing labelled."""
    present = torch.zeros(ROWS, len(names), dtype=torch.bool) if empty else torch.rand(ROWS, len(names)) < 0.6  # noqa: PLR2004 - most
    if not empty:
        present[0] = True
    known = torch.tensor([not empty] * (ROWS - 1) + [False])
    lengths = dict.fromkeys(names, torch.tensor([4, 1, 2, 3, 4, 1]) if frames else torch.ones(ROWS, dtype=torch.int64))
    shape = (ROWS, STEPS, FEATURES) if frames else (ROWS, FEATURES)
    features = {m: _padded(torch.randn(shape), lengths[m]) for m in names}
    targets = {"emotion": torch.randint(CLASSES, (ROWS,)), "valence": torch.randn(ROWS)}
    labelled = dict.fromkeys(TASKS, known)
    batch = Batch(features, features, lengths, present, present, targets, labelled, torch.arange(ROWS))
    encoded = encodings(names, ROWS)
    predictions = {
        "emotion": torch.randn(ROWS, CLASSES, requires_grad=True),
        "valence": torch.randn(ROWS, requires_grad=True),
    }
    vector = torch.randn(ROWS, WIDTH, requires_grad=True)
    return Outputs(encoded, Fused(vector), predictions, present, 0), batch


def _vector(encoded: Mapping[str, Encoded], present: Tensor, module: Callable[..., Any]) -> Tensor:
    return cast("Fused", module(encoded, present)).vector


def _value(outputs: Outputs, batch: Batch, module: Callable[..., Any]) -> Tensor:
    return cast("Tensor", module(outputs, batch))


def _padded(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.where(frame_mask(lengths, x.shape[1])[:, :, None], x, 0.0) if x.ndim == 3 else x  # noqa: PLR2004 - (B, T, D)


def _check_fused(module: nn.Module, encoded: Mapping[str, Encoded], present: Tensor) -> None:
    fused = cast("Fused", module.eval()(encoded, present))
    rows, num = present.shape
    assert fused.vector.shape == (rows, WIDTH), f"vector has shape {tuple(fused.vector.shape)}"
    assert torch.isfinite(fused.vector).all(), "the vector is finite whatever is absent"
    if fused.weights is not None:
        assert fused.weights.shape == (rows, num), f"weights have shape {tuple(fused.weights.shape)}"
        assert (fused.weights[~present] == 0).all(), "an absent modality has weight 0"


def _check_absent_is_unread(module: nn.Module, names: tuple[str, ...], present: Tensor) -> None:
    """What stands in the rows of an absent modality moves nothing and gets no gradient."""
    encoded = encodings(names, ROWS, present)
    vector = module.eval()(encoded, present).vector
    poked = {
        name: one._replace(mean=torch.where(present[:, column, None], one.mean, 7.0))
        for column, (name, one) in enumerate(encoded.items())
    }
    assert torch.equal(module(poked, present).vector, vector), "what stands in for an absent modality moves the result"
    leaves = [part for one in encoded.values() for part in (one.mean, cast("Tensor", one.log_variance))]
    grads = torch.autograd.grad(vector.sum() + (vector**2).sum(), leaves, allow_unused=True)
    for column in range(len(names)):
        for grad in grads[2 * column : 2 * column + 2]:
            if grad is not None:
                assert torch.isfinite(grad).all(), "a gradient is not finite"
                assert (grad[~present[:, column]] == 0).all(), "an absent modality gets a gradient"


def _check_masked(module: nn.Module, names: tuple[str, ...], *, frames: bool) -> None:
    """A term gives no gradient to the encodings of absent modalities nor to the predictions of unlabelled rows."""
    outputs, batch = outcome(names, frames=frames)
    value = module.eval()(outputs, batch)
    if not value.requires_grad:
        return
    for column, one in enumerate(outputs.encoded.values()):
        for part in (one.mean, one.log_variance):
            (grad,) = torch.autograd.grad(value, [cast("Tensor", part)], retain_graph=True, allow_unused=True)
            if grad is not None:
                assert torch.isfinite(grad).all(), "a gradient is not finite"
                assert (grad[~batch.present[:, column]] == 0).all(), "an absent modality gets a gradient"
    for task, prediction in outputs.predictions.items():
        (grad,) = torch.autograd.grad(value, [prediction], retain_graph=True, allow_unused=True)
        if grad is not None:
            assert (grad[~batch.labelled[task]] == 0).all(), "an unlabelled row gets a gradient"


def _check_training(spec: Spec, module: nn.Module, forward: Callable[[Callable[..., Any]], Tensor]) -> None:
    """In training mode: the same served noise gives the same bits, and three trials as a stack equal each alone."""
    module.train()
    noise = ServedNoise("conformance")

    def served(compute: Callable[[], Tensor]) -> Tensor:
        noise.begin(0)
        with torch.random.fork_rng(devices=[]), noise:
            torch.seed()
            return compute()

    once, again = (served(lambda: forward(module)) for _ in range(2))
    assert torch.equal(once, again), "randomness that the engine does not serve"
    if not spec.stackable or not dict(module.named_parameters()):
        return
    models = [_shifted(module, number) for number in range(3)]
    stacked, buffers = stack_module_state(cast("Any", models))

    def one(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        return forward(lambda *args: functional_call(module, (parameters, buffers), args))

    together = served(lambda: vmap(one, randomness="same")(stacked, buffers))
    alone = torch.stack([served(partial(forward, model)) for model in models])
    assert torch.allclose(together, alone, atol=1e-5, rtol=1e-4), "a stack of three trials differs from each alone"


def _shifted(module: nn.Module, number: int) -> nn.Module:
    other = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.01 * number)
    return other
