"""What every term owes: masks, exactly zero gradients, and the same answer alone and in a stack."""

from __future__ import annotations

import json

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from butfor.core.classification import EffectiveNumber
from butfor.plugins.losses import (
    cross_entropy,
    cross_modal_kl,
    focal,
    info_nce,
    kl_prior,
    mae,
    mse,
    reconstruction,
    smooth_l1,
)

pytestmark = pytest.mark.usefixtures("float64")

TERMS = {
    "cross_entropy": cross_entropy.CrossEntropySpec(smoothing=0.1),
    "cross_entropy_weighted": cross_entropy.CrossEntropySpec(class_weights=(0.3, 2.0, 1.0)),
    "focal": focal.FocalSpec(smoothing=0.1),
    "focal_per_class": focal.FocalSpec(focal_on="per_class", smoothing=0.1, alpha=(0.3, 2.0, 1.0), gamma=1.5),
    "focal_by_counts": focal.FocalSpec(alpha=EffectiveNumber(counts=(9, 2, 4)), weight_normalize=True),
    "mse": mse.MseSpec(),
    "mae": mae.MaeSpec(),
    "smooth_l1": smooth_l1.SmoothL1Spec(),
    "kl_prior": kl_prior.KlPriorSpec(),
    "kl_prior_free_bits": kl_prior.KlPriorSpec(free_bits=0.4, reduction="mean"),
    "cross_modal_kl": cross_modal_kl.CrossModalKlSpec(),
    "cross_modal_kl_code": cross_modal_kl.CrossModalKlSpec(eps_mode="code", direction="symmetric"),
    "cross_modal_kl_js": cross_modal_kl.CrossModalKlSpec(direction="js", eps_mode="consistent"),
    "cross_modal_kl_pairs": cross_modal_kl.CrossModalKlSpec(pairs=(("video", "audio"), ("b-2", "a"), ("only", "text"))),
    "reconstruction": reconstruction.ReconstructionSpec(),
    "reconstruction_complete": reconstruction.ReconstructionSpec(target="complete", penalty="smooth_l1"),
    "reconstruction_frames": reconstruction.ReconstructionSpec(frames="each", activation="gelu"),
    "info_nce": info_nce.InfoNceSpec(projection=5),
    "info_nce_labels": info_nce.InfoNceSpec(projection=5, negatives="different_label", learnable=True),
}
MODULES = (cross_entropy, focal, mse, mae, smooth_l1, kl_prior, cross_modal_kl, reconstruction, info_nce)
every_term = pytest.mark.parametrize("spec", TERMS.values(), ids=TERMS)


class ServedDropout(TorchFunctionMode):
    """Dropout from numbers that depend on `seed` alone, as an engine would serve them to a trial of a stack."""

    def __init__(self, seed):
        super().__init__()
        self.seed = seed

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is not functional.dropout:
            return func(*args, **(kwargs or {}))
        x, rate = args[0], kwargs["p"]
        drawn = (torch.sin(torch.arange(x.numel()) * 12.9898 + self.seed) * 43758.5453).frac().abs().reshape(x.shape)
        return torch.where(drawn >= rate, x / (1 - rate), 0.0)


def holes(scene):
    """Rows 1 and 3 have no label; row 1 has nothing at all, row 2 only its first modality."""
    labelled = torch.tensor([True, False, True, False, True, True])
    present = scene.batch.present.clone()
    present[1] = False
    present[2, 1:] = False
    columns = present.T
    zeroed = {
        name: torch.where(columns[index].reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)
        for index, (name, values) in enumerate(scene.batch.features.items())
    }
    return scene.with_batch(
        present=present,
        features=zeroed,
        complete=zeroed,
        labelled=dict.fromkeys(scene.batch.labelled, labelled),
        targets={task: torch.where(labelled, values, 0) for task, values in scene.batch.targets.items()},
    )


def masks(scene):
    """{leaf: (B,) what counts}: labels for predictions, presence for encodings."""
    labelled = scene.batch.labelled
    counted = {f"prediction.{task}": mask for task, mask in labelled.items()}
    for column, name in enumerate(scene.shapes.modalities):
        for part in ("mean", "log_variance", "sample"):
            counted[f"{part}.{name}"] = scene.batch.present[:, column]
    return counted


@every_term
def test_masked_rows_change_nothing_and_get_exactly_no_gradient(scene, spec):
    scene = holes(scene(rows=6, frames=("text",)))
    term = scene.term(spec)
    term.eval()
    counted = masks(scene)
    wild = scene.with_leaves(
        {
            name: torch.where(counted[name].reshape(-1, *[1] * (leaf.ndim - 1)), leaf, torch.nan)
            for name, leaf in scene.leaves().items()
        }
    )
    targets = {
        "emotion": torch.where(scene.batch.labelled["emotion"], scene.batch.targets["emotion"], -1),
        "valence": torch.where(scene.batch.labelled["valence"], scene.batch.targets["valence"], torch.nan),
    }
    wild = wild.with_batch(targets=targets).tracked()
    loss = term(wild.outputs, wild.batch)
    assert loss.shape == ()
    assert loss != 0
    assert torch.equal(loss, term(scene.outputs, scene.batch))
    slopes = wild.gradients(loss)
    assert any((slope != 0).any() for slope in slopes.values())
    for name, slope in slopes.items():
        assert slope.isfinite().all()
        assert (slope[~counted[name]] == 0).all()
    for slope in torch.autograd.grad(
        term(wild.outputs, wild.batch), [*term.parameters(), *wild.leaves().values()], materialize_grads=True
    ):
        assert slope.isfinite().all()


@every_term
def test_a_batch_with_nothing_in_it_is_at_zero_with_no_gradient(scene, spec):
    scene = scene(rows=4)
    nothing = {name: torch.zeros_like(values) for name, values in scene.batch.features.items()}
    scene = scene.with_batch(
        present=torch.zeros_like(scene.batch.present),
        features=nothing,
        complete=nothing,
        labelled={task: torch.zeros_like(mask) for task, mask in scene.batch.labelled.items()},
    ).tracked()
    term = scene.term(spec)
    loss = term(scene.outputs, scene.batch)
    assert loss == 0
    inputs = [*scene.leaves().values(), *term.parameters()]
    assert all((slope == 0).all() for slope in torch.autograd.grad(loss, inputs, materialize_grads=True))


@every_term
@pytest.mark.parametrize("modalities", [("only",), ("a", "b-2", "c_3", "d")])
@pytest.mark.parametrize("rows", [1, 3])
def test_any_number_of_modalities_and_rows_will_do(scene, spec, modalities, rows):
    scene = scene(rows=rows, modalities=modalities, frames=modalities[:1]).tracked()
    loss = scene.value(spec)
    assert loss.isfinite()
    if loss.requires_grad:
        assert all(slope.isfinite().all() for slope in scene.gradients(loss).values())


@every_term
def test_gradients_are_those_of_the_values(scene, spec):
    scene = holes(scene(rows=6, frames=("text",))).tracked()
    term = scene.term(spec).eval()
    names, leaves = zip(*scene.leaves().items(), strict=True)

    def value(*changed):
        other = scene.with_leaves(dict(zip(names, changed, strict=True)))
        return term(other.outputs, other.batch)

    assert torch.autograd.gradcheck(value, leaves, fast_mode=True)


@every_term
def test_a_stack_of_trials_is_the_trials_one_by_one(scene, spec):
    """Three trials with other parameters, other knobs, other data and other masks."""
    scenes = [holes(scene(rows=6, frames=("text",), seed=seed)) for seed in range(3)]
    scenes[2] = scenes[2].with_batch(present=scenes[2].batch.present.flip(0))
    terms = [here.term(spec.model_copy(update=shifted(spec, trial))) for trial, here in enumerate(scenes)]
    for trial, term in enumerate(terms):
        for parameter in term.parameters():
            parameter.data.add_(0.1 * trial)
    data = [tensors(here) for here in scenes]

    def one(parameters, buffers, given, seed):
        with ServedDropout(seed):
            return functional_call(terms[0], (parameters, buffers), assemble(scenes[0], given))

    parameters, buffers = stack_module_state(terms)
    stacked = {key: torch.stack([item[key] for item in data]) for key in data[0]}
    seeds = torch.arange(3.0)
    losses = vmap(one)(parameters, buffers, stacked, seeds)
    assert len(set(losses.tolist())) == 3
    slopes = torch.autograd.grad(losses.sum(), list(parameters.values()), allow_unused=True) if parameters else ()
    for trial, (term, given) in enumerate(zip(terms, data, strict=True)):
        with ServedDropout(seeds[trial]):
            alone = term(*assemble(scenes[trial], given))
        torch.testing.assert_close(losses[trial], alone, rtol=1e-12, atol=1e-14)
        own = torch.autograd.grad(alone, list(term.parameters()), allow_unused=True) if parameters else ()
        for ours, theirs in zip(slopes, own, strict=True):
            torch.testing.assert_close(ours[trial], theirs, rtol=1e-10, atol=1e-12)


def shifted(spec, trial):
    """Other values of every knob that the module reads."""
    return {name: getattr(spec, name) + 0.05 * trial for name in type(spec).knobs() if name != "weight"}


def tensors(scene):
    """All that a term reads, flat."""
    flat = dict(scene.leaves())
    for field in ("features", "complete", "lengths", "targets", "labelled"):
        flat |= {f"{field}/{name}": values for name, values in getattr(scene.batch, field).items()}
    return flat | {"present/": scene.batch.present, "vector/": scene.outputs.fused.vector}


def assemble(scene, flat):
    """Outputs and batch of the scene, with the tensors of `flat`."""
    fields = {
        field: {name: flat[f"{field}/{name}"] for name in getattr(scene.batch, field)}
        for field in ("features", "complete", "lengths", "targets", "labelled")
    }
    made = scene.with_leaves(flat).with_batch(**fields, present=flat["present/"])
    return made.outputs._replace(fused=made.outputs.fused._replace(vector=flat["vector/"])), made.batch


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rsplit(".", 1)[1])
def test_the_hook_offers_a_documented_spec_with_defaults_under_the_files_name(module):
    (offered,) = module.register_losses()
    assert offered().name == module.__name__.rsplit(".", 1)[1]
    for name, field in offered.model_fields.items():
        assert field.description, name


@every_term
def test_settings_survive_being_written_down(spec):
    assert type(spec).model_validate(json.loads(json.dumps(spec.resolved()))) == spec
    assert type(spec).model_json_schema()["title"] == type(spec).__name__


@every_term
def test_knobs_are_buffers_that_the_module_reads(scene, spec):
    scene = scene(rows=6, frames=("text",))
    for name in type(spec).knobs():
        if name == "weight":
            continue
        term = scene.term(spec)
        with ServedDropout(0.0):
            before = term(scene.outputs, scene.batch)
            getattr(term, name).add_(0.5)
            assert term(scene.outputs, scene.batch) != before, name
