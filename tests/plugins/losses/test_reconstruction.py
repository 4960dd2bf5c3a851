import pytest
import torch
from torch.nn import functional

from butfor.core import Shapes
from butfor.plugins.losses.reconstruction import ReconstructionSpec, step_code

pytestmark = pytest.mark.usefixtures("float64")
CLOSE = {"rtol": 1e-10, "atol": 1e-12}
PLAIN = {"dropout": 0.0}


def decode(term, name, latent, activation=torch.relu):
    """The decoder by hand, from its parameters."""
    held = dict(term.decoders[name].named_parameters())
    hidden = activation(latent @ held["lower.weight"].T + held["lower.bias"])
    hidden = activation(hidden @ held["upper.weight"].T + held["upper.bias"])
    return hidden @ held["output.weight"].T + held["output.bias"]


@pytest.mark.parametrize(("features", "count"), [(1024, 165120), (5120, 693504), (768, 132096)])
def test_decoders_have_the_parameters_of_the_original(features, count):
    term = ReconstructionSpec().build(shapes=Shapes("r", {"x": features}, {"x": False}, 128, {}))
    assert sum(parameter.numel() for parameter in term.parameters()) == count


@pytest.mark.parametrize(("name", "activation"), [("relu", torch.relu), ("gelu", functional.gelu)])
@pytest.mark.parametrize("modalities", [("text",), ("audio", "text", "video"), ("a", "b", "c", "d")])
def test_it_is_the_mean_squared_error_of_each_modality(scene, modalities, name, activation):
    scene = scene(modalities=modalities).tracked()
    term = scene.term(ReconstructionSpec(activation=name, **PLAIN))
    found = term(scene.outputs, scene.batch)
    errors = [
        functional.mse_loss(decode(term, m, encoded.sample, activation), scene.batch.features[m])
        for m, encoded in scene.outputs.encoded.items()
    ]
    wanted = torch.stack(errors).mean()
    torch.testing.assert_close(found, wanted, **CLOSE)
    parameters = list(term.parameters())
    slopes = [torch.autograd.grad(v, parameters, retain_graph=True) for v in (found, wanted)]
    torch.testing.assert_close(*slopes, **CLOSE)
    torch.testing.assert_close(scene.gradients(found), scene.gradients(wanted), **CLOSE)


def test_the_penalty_can_be_smooth_l1_and_the_latent_the_mean(scene):
    scene = scene(modalities=("text",))
    term = scene.term(ReconstructionSpec(penalty="smooth_l1", latent="mean", **PLAIN))
    made = decode(term, "text", scene.outputs.encoded["text"].mean)
    wanted = functional.smooth_l1_loss(made, scene.batch.features["text"])
    torch.testing.assert_close(term(scene.outputs, scene.batch), wanted, **CLOSE)


def test_rows_without_the_modality_are_left_out(scene):
    full = scene(modalities=("text",))
    kept = torch.tensor([True, False, False, True, True])
    masked = full.with_batch(present=kept[:, None])
    term = full.term(ReconstructionSpec(**PLAIN))
    less = full.rows(kept)
    torch.testing.assert_close(term(masked.outputs, masked.batch), term(less.outputs, less.batch), **CLOSE)


def test_complete_targets_bring_back_what_dropout_at_the_input_took(scene):
    full = scene(modalities=("text",))
    here = torch.tensor([True, True, False, False, True])
    recorded = torch.tensor([True, True, True, False, True])
    features = {"text": torch.where(here[:, None], full.batch.features["text"], 0.0)}
    complete = {"text": torch.where(recorded[:, None], full.batch.features["text"], 0.0)}
    dropped = full.with_batch(features=features, complete=complete, present=here[:, None], recorded=recorded[:, None])
    term = full.term(ReconstructionSpec(target="complete", **PLAIN))
    made = decode(term, "text", full.outputs.encoded["text"].sample)
    wanted = functional.mse_loss(made[recorded], full.batch.features["text"][recorded])
    torch.testing.assert_close(term(dropped.outputs, dropped.batch), wanted, **CLOSE)
    plain = full.term(ReconstructionSpec(**PLAIN))
    plain.load_state_dict(term.state_dict())
    wanted = functional.mse_loss(made[here], full.batch.features["text"][here])
    torch.testing.assert_close(plain(dropped.outputs, dropped.batch), wanted, **CLOSE)


def test_the_time_mean_reads_valid_frames_only(scene):
    scene = scene(modalities=("text",), frames=("text",))
    term = scene.term(ReconstructionSpec(**PLAIN))
    made = decode(term, "text", scene.outputs.encoded["text"].sample)
    clips = zip(scene.batch.features["text"], scene.batch.lengths["text"], strict=True)
    wanted = functional.mse_loss(made, torch.stack([clip[:length].mean(dim=0) for clip, length in clips]))
    torch.testing.assert_close(term(scene.outputs, scene.batch), wanted, **CLOSE)


def test_each_valid_frame_can_be_decoded_by_itself(scene):
    scene = scene(modalities=("text",), frames=("text",))
    term = scene.term(ReconstructionSpec(frames="each", **PLAIN))
    latent, code = scene.outputs.encoded["text"].sample, step_code(torch.zeros(1, 4), 3)
    errors = []
    for row, length in enumerate(scene.batch.lengths["text"].tolist()):
        made = torch.stack([decode(term, "text", latent[row] + code[step]) for step in range(length)])
        errors.append(functional.mse_loss(made, scene.batch.features["text"][row, :length]))
    torch.testing.assert_close(term(scene.outputs, scene.batch), torch.stack(errors).mean(), **CLOSE)


@pytest.mark.parametrize("frames", ["time_mean", "each"])
def test_padding_and_clips_without_frames_change_nothing(scene, frames):
    scene = scene(modalities=("text",), frames=("text",))
    term = scene.term(ReconstructionSpec(frames=frames, **PLAIN))
    valid = torch.arange(3) < scene.batch.lengths["text"][:, None]
    padded = torch.where(valid[..., None], scene.batch.features["text"], 1e30)
    padded = torch.cat([padded, torch.full((5, 2, 3), -7.0)], dim=1)
    other = scene.with_batch(features={"text": padded})
    wanted = term(scene.outputs, scene.batch)
    torch.testing.assert_close(term(other.outputs, other.batch), wanted, **CLOSE)
    shorter = scene.with_batch(lengths={"text": torch.tensor([1, 2, 0, 1, 2])})
    less = scene.rows([0, 1, 3, 4])
    torch.testing.assert_close(term(shorter.outputs, shorter.batch), term(less.outputs, less.batch), **CLOSE)


def test_step_codes_are_sines_then_cosines():
    code = step_code(torch.zeros(1, 4), 3)
    assert code.shape == (3, 4)
    wanted = [torch.sin(torch.tensor(2.0)), torch.sin(torch.tensor(0.02)), torch.cos(torch.tensor(2.0))]
    torch.testing.assert_close(code[2, :3], torch.stack(wanted), **CLOSE)
    assert step_code(torch.zeros(1, 5), 3).shape == (3, 5)


def test_dropout_works_in_training_only(scene):
    scene = scene(rows=200, modalities=("text",), width=32)
    term = scene.term(ReconstructionSpec(dropout=0.5))
    assert term(scene.outputs, scene.batch) != term(scene.outputs, scene.batch)
    term.eval()
    assert term(scene.outputs, scene.batch) == term(scene.outputs, scene.batch)
    term.train()
    term.dropout.zero_()
    assert term(scene.outputs, scene.batch) == term.eval()(scene.outputs, scene.batch)


def test_a_decoder_starts_the_same_whichever_other_modalities_there_are(scene):
    both = scene(modalities=("audio", "text")).term(ReconstructionSpec()).decoders["text"].state_dict()
    alone = Shapes("term", {"text": 4}, {"text": False}, 4, {})
    for name, weight in ReconstructionSpec().build(shapes=alone).decoders["text"].state_dict().items():
        assert torch.equal(weight, both[name])
