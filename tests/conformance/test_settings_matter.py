"""Every setting of every encoder, fusion and loss term reaches the code that it names: changing it changes something.

What is looked at: outputs and their gradients in evaluation mode, from the initial weights and from weights that are
all different from zero, so that a parameter nobody uses counts as nothing. Noise differs with any shape, so training
mode is looked at only for settings that say so. A setting that moves nothing fails by its name, the moment its plugin
is registered; where it needs company to matter, `CONTEXTS` says which.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args, get_origin

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from butfor.core import Batch, Encoded, Fused, Outputs, Shapes, StudyError, Task, frame_mask, own_stream, stream_key
from butfor.core.catalogue import Catalogue
from butfor.core.engine.noise import ServedNoise
from butfor.core.specs import KINDS, EncoderSpec, FusionSpec, LossSpec, Spec
from butfor.plugins.fusion.mean import MeanSpec
from butfor.registry import assemble

CATALOGUE: Catalogue = assemble()
KIND: dict[str, type[Spec]] = {kind.kind: kind for kind in KINDS}
OF_THE_ENGINE = {*LossSpec.model_fields}  # name, weight, warmup: tests/core/engine/test_settings_matter.py
ONLY_IN_TRAINING = {"dropout", "gate_dropout", "skip_sees_dropout"}

NAMES = ("voice", "words", "face")
ROWS, STEPS, FEATURES, WIDTH = 12, 4, 5, 8
TASKS = {
    "emotion": Task("emotion", "classes", ("a", "b", "c")),
    "mood": Task("mood", "classes", ("low", "high")),
    "valence": Task("valence", "values", span=3),
    "arousal": Task("arousal", "values"),
}


class Context(NamedTuple):
    """What else must be set for a field to matter, and the values that must all differ in what they do."""

    settings: Mapping[str, Any] = MappingProxyType({})
    values: tuple[Any, ...] = ()
    """Empty: every word of a Literal, both truth values, every component; of numbers one that makes a difference."""
    frames: bool = False
    """For loss terms: the modalities come as (B, T, D)."""


CLASS_WEIGHTS = (
    None,
    (1.0, 2.0, 4.0),
    {"rule": "inverse_frequency", "counts": (10, 20, 70)},
    {"rule": "inverse_frequency", "counts": (20, 10, 70)},
    {"rule": "effective_number", "counts": (10, 20, 70)},
    {"rule": "effective_number", "counts": (10, 20, 170)},
    {"rule": "effective_number", "counts": (10, 20, 70), "beta": 0.9},
)
PAIRS = (None, (("voice", "words"),), (("voice", "face"),), (("voice", "face"), ("words", "face")))
CONTEXTS: dict[str, Context] = {
    "encoder mean_pool.encoder": Context(
        values=("mlp", "variational_mlp", {"name": "variational_mlp", "clamp": "soft"})
    ),
    "fusion proxy_attention.heads": Context({"kv_mode": "joint"}, (1, 2, 4)),  # of a single key nothing is asked
    "fusion proxy_attention.ffn_multiplier": Context(values=(1, 2, (2, 2), (4, 2))),
    "fusion tensor.projection": Context(values=(None, 3, 16)),
    "loss cross_entropy.class_weights": Context(values=CLASS_WEIGHTS),
    "loss cross_entropy.smoothing_mode": Context({"smoothing": 0.2}),
    "loss cross_entropy.task": Context(values=(None, "mood")),
    "loss cross_entropy.weight_normalize": Context({"class_weights": (1.0, 2.0, 4.0)}),
    "loss cross_modal_kl.pairs": Context(values=(*PAIRS, (("words", "voice"),))),
    "loss focal.alpha": Context(values=CLASS_WEIGHTS),
    "loss focal.focal_on": Context({"smoothing": 0.2}),  # else only the label's own summand is there
    "loss focal.smoothing_mode": Context({"smoothing": 0.2}),
    "loss focal.task": Context(values=(None, "mood")),
    "loss focal.weight_normalize": Context({"alpha": (1.0, 2.0, 4.0)}),
    "loss info_nce.pairs": Context(values=PAIRS),
    "loss info_nce.task": Context({"negatives": "different_label"}, (None, "mood")),
    "loss mae.task": Context(values=(None, "arousal")),
    "loss mse.task": Context(values=(None, "arousal")),
    "loss reconstruction.frames": Context(frames=True),
    "loss smooth_l1.task": Context(values=(None, "arousal")),
}


def settings_of(*kinds: str) -> list[str]:
    """`KIND PLUGIN.FIELD` for every field of every registered plugin of these kinds."""
    return [
        f"{kind} {entry.name}.{field}"
        for kind, entry in CATALOGUE
        for field in entry.spec.model_fields
        if kind in kinds and field != "name" and not (kind == "loss" and field in OF_THE_ENGINE)
    ]


def made(kind: str, name: str, settings: dict[str, Any]) -> Spec:
    small = {"width": WIDTH} if kind == "encoder" else {}
    return CATALOGUE.make(KIND[kind], {"name": name, **small, **settings})


def words(annotation: Any) -> tuple[Any, ...]:
    """Every value of a field of few values, which must all differ; empty for others."""
    if annotation is bool:
        return (False, True)
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return CATALOGUE.names(annotation.kind)
    return ()


def numbers(default: Any) -> tuple[Any, ...]:
    """Numbers around `default`, of which one at least must make a difference."""
    if isinstance(default, bool) or not isinstance(default, int | float):
        return ()
    if isinstance(default, int):
        return (default + 1, default - 1, default * 2)
    return (default / 20, default / 2, default + 0.25, default * 2 + 1)


def stirred(module: nn.Module) -> nn.Module:
    """Weights away from their initial values, the same for the same names and shapes."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            draw = torch.Generator().manual_seed(stream_key("stirred", name))
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=draw))
    return module


def encodings(present: Tensor) -> dict[str, Encoded]:
    """Small and huge variances, samples that are not the means."""
    encoded = {}
    for column, name in enumerate(NAMES):
        mean, spread, noise = torch.randn(3, ROWS, WIDTH)
        spread[column], spread[-1 - column] = 10.0, -10.0
        zeros = torch.where(present[:, column, None], mean, 0.0)
        encoded[name] = Encoded(zeros.requires_grad_(), spread.requires_grad_(), (zeros + noise).requires_grad_())
    return encoded


def some_present() -> Tensor:
    present = torch.rand(ROWS, len(NAMES)) < 0.7
    present[0], present[1] = True, False
    return present


def outcome(frames: bool) -> tuple[Outputs, Batch]:
    """Outputs and batch with absent modalities, dropped ones, unlabelled rows, and rows of one class."""
    recorded = some_present()
    present = recorded & (torch.rand(recorded.shape) < 0.8)
    lengths = torch.randint(1, STEPS + 1, (ROWS,)) if frames else torch.ones(ROWS, dtype=torch.int64)
    complete = {}
    for column, name in enumerate(NAMES):
        x = 2 * torch.randn((ROWS, STEPS, FEATURES) if frames else (ROWS, FEATURES))
        x = torch.where(frame_mask(lengths, STEPS)[..., None], x, 0.0) if frames else x
        complete[name] = torch.where(recorded[:, column].reshape(-1, *(1,) * (x.ndim - 1)), x, 0.0)
    features = {
        name: torch.where(present[:, column].reshape(-1, *(1,) * (x.ndim - 1)), x, 0.0)
        for column, (name, x) in enumerate(complete.items())
    }
    targets, predictions = {}, {}
    for name, task in TASKS.items():
        classes = task.kind == "classes"
        targets[name] = torch.randint(task.num_outputs, (ROWS,)) if classes else torch.randn(ROWS)
        predictions[name] = torch.randn((ROWS, task.num_outputs) if classes else ROWS, requires_grad=True)
    labelled = {name: torch.rand(ROWS) < 0.8 for name in TASKS}
    batch = Batch(
        features,
        complete,
        dict.fromkeys(NAMES, lengths),
        present,
        recorded,
        targets,
        labelled,
        torch.arange(ROWS),
    )
    return Outputs(encodings(present), Fused(torch.randn(ROWS, WIDTH)), predictions, present, 0), batch


def built_and_fed(spec: Spec, frames: bool) -> tuple[nn.Module, tuple[Any, ...], list[Tensor]]:
    """The module of `spec`, what it is called with, and the leaves of that."""
    torch.manual_seed(0)
    with own_stream("settings"):
        if isinstance(spec, EncoderSpec):
            module = spec.build(features=FEATURES)
            in_frames = "frames" in spec.requirements()
            x = (2 * torch.randn((ROWS, STEPS, FEATURES) if in_frames else (ROWS, FEATURES))).requires_grad_()
            return module, (x, torch.arange(ROWS) % STEPS + 1), [x]
        if isinstance(spec, FusionSpec):
            present = some_present()
            encoded = encodings(present)
            module = spec.build(modalities=NAMES, width=WIDTH)
            return module, (encoded, present), leaves(encoded)
        assert isinstance(spec, LossSpec)
        outputs, batch = outcome(frames)
        term = "valence" if "values" in spec.requirements() else "emotion"
        shapes = Shapes(term, dict.fromkeys(NAMES, FEATURES), dict.fromkeys(NAMES, frames), WIDTH, TASKS)
        return spec.build(shapes=shapes), (outputs, batch), [*leaves(outputs.encoded), *outputs.predictions.values()]


def leaves(encoded: Any) -> list[Tensor]:
    return [part for one in encoded.values() for part in (one.mean, one.log_variance, one.sample)]


def tensors(answer: Any) -> list[Tensor]:
    """Every tensor of an Encoded, a Fused, or the value of a term."""
    parts = [answer] if isinstance(answer, Tensor) else list(answer)
    return [part for part in parts if part is not None]


def look(module: nn.Module, fed: tuple[Any, ...], inputs: list[Tensor]) -> list[tuple[Any, ...]]:
    """Shape and bytes of every output, and of every gradient of their squares."""
    noise = ServedNoise("settings")
    noise.begin(0)
    with noise:
        answer = tensors(module(*fed))
    moving = [part.square().sum() for part in answer if part.requires_grad]
    wanted = [*inputs, *module.parameters()]
    grads = torch.autograd.grad(torch.stack(moving).sum(), wanted, allow_unused=True) if moving else ()
    found = [*answer, *(grad for grad in grads if grad is not None)]
    assert all(torch.isfinite(part).all() for part in found)
    return [(tuple(part.shape), part.detach().numpy().tobytes()) for part in found]


def seen(spec: Spec, *, training: bool = False, frames: bool = False) -> tuple[Any, ...]:
    """What `spec` computes, from the initial and from the stirred weights."""
    module, fed, inputs = built_and_fed(spec, frames)
    module.train(training)
    return (*look(module, fed, inputs), *look(stirred(module), fed, inputs))


def tried(setting: str, context: Context) -> tuple[dict[str, tuple[Any, ...]], bool]:
    """{value: what the component then computes}, and whether all of them must differ."""
    kind, _, path = setting.partition(" ")
    name, _, field = path.rpartition(".")
    info = CATALOGUE.entry(kind, name).spec.model_fields[field]
    default = getattr(made(kind, name, {}), field)
    each = context.values or tuple(value for value in words(info.annotation) if value != name)
    must_fit = bool(context.values) or get_origin(info.annotation) is Literal
    found: dict[str, tuple[Any, ...]] = {}
    for value in each or (default, *numbers(default)):
        try:
            spec = made(kind, name, {**context.settings, field: value})
            found[str(value)] = seen(spec, training=field in ONLY_IN_TRAINING, frames=context.frames)
        except (ValidationError, StudyError):
            assert not must_fit, f"{setting} may not be {value!r}"
    return found, bool(each)


@pytest.mark.parametrize("setting", settings_of("encoder", "fusion", "loss"))
def test_a_setting_that_changes_changes_what_is_computed(setting: str) -> None:
    found, all_differ = tried(setting, CONTEXTS.get(setting, Context()))
    assert len(found) > 1, f"{setting} is of a type that needs an entry with `values` in CONTEXTS"
    if not all_differ:
        assert len(set(found.values())) > 1, f"{setting} moves nothing: {', '.join(found)} all do the same"
        return
    for (one, first), (other, second) in combinations(found.items(), 2):
        assert first != second, f"{setting}: '{other}' does what '{one}' does"


def test_contexts_are_of_settings_that_there_are() -> None:
    assert set(CONTEXTS) <= {*settings_of("encoder", "fusion", "loss")}


class Deaf(MeanSpec):
    """A mean whose settings nobody reads; one of them makes a parameter that nobody uses."""

    loud: bool = False
    depth: int = 0

    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        module = super().build(modalities=modalities, width=width)
        module.unused = nn.Parameter(torch.zeros(self.depth))
        return module


def test_a_setting_that_nothing_reads_is_seen_to_move_nothing() -> None:
    assert seen(Deaf()) == seen(Deaf(loud=True)) == seen(Deaf(depth=2))
    assert seen(Deaf(), training=True) == seen(Deaf(loud=True), training=True)
