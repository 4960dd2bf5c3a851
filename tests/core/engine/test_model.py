"""A system built from specs: pairing of initial weights, absent modalities, modality dropout, weights of terms."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from butfor.core import Dataset
from butfor.core.engine.feed import Feed
from butfor.core.engine.model import System
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]
EPOCH, STEP = 0, 0


def system(settings: CellSettings, data: Dataset, seed: int = 0) -> System:
    return System(settings, data, seed, "0")


def weights(model: System, prefix: str = "") -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.named_parameters() if name.startswith(prefix)}


def test_parts_that_two_cells_share_start_with_the_same_weights(cell: Cells, data: Dataset) -> None:
    small = system(cell(), data)
    large = system(
        cell(losses={"contrastive": "info_nce", "kl": "kl_prior", "emotion": "focal", "valence": "mse"}), data
    )
    other_fusion = system(cell(fusion={"name": "proxy_attention", "heads": 2}), data)
    for other in (large, other_fusion):
        for prefix in ("encoder", "head"):
            for name, value in weights(small, prefix).items():
                assert torch.equal(value, weights(other)[name]), name
    alone = system(cell(modalities=("text",)), data)
    assert all(torch.equal(v, weights(small)[n]) for n, v in weights(alone, "encoder").items())


def test_swapping_an_inner_fusion_leaves_the_outer_one_as_it_starts(cell: Cells, data: Dataset) -> None:
    models = [
        system(cell(fusion={"name": "proxy_attention", "heads": 2, "proxy": proxy}), data)
        for proxy in ("uncertainty", "gated_uncertainty")
    ]
    shared = {name for name in weights(models[0], "fusion") if not name.startswith("fusion.proxy")}
    assert shared
    for name in shared:
        assert torch.equal(*(weights(model)[name] for model in models)), name


def test_other_seeds_and_folds_start_otherwise(cell: Cells, data: Dataset) -> None:
    name = "head.emotion.weight"
    first = weights(system(cell(), data))[name]
    assert not torch.equal(first, weights(system(cell(), data, seed=1))[name])
    assert not torch.equal(first, weights(System(cell(), data, 0, "1"))[name])


def test_building_a_system_leaves_torchs_generator_alone(cell: Cells, data: Dataset) -> None:
    before = torch.random.get_rng_state()
    system(cell(), data)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_term_that_reads_labels_alone_gives_no_task_a_head(cell: Cells, data: Dataset) -> None:
    losses = {"valence": "mse", "contrastive": {"name": "info_nce", "negatives": "different_label", "task": "emotion"}}
    assert set(system(cell(losses=losses), data).head) == {"valence"}


def test_only_tasks_that_a_term_is_for_get_a_head(cell: Cells, data: Dataset) -> None:
    assert set(system(cell(losses={"emotion": "focal"}), data).head) == {"emotion"}
    assert set(system(cell(), data).head) == {"emotion", "valence"}


@pytest.mark.parametrize(
    "fusion", ["concat", "mean", "attention", "uncertainty", "gated_uncertainty", "proxy_attention"]
)
def test_what_an_absent_modality_holds_moves_no_prediction(fusion: str, cell: Cells, data: Dataset, fold: Fold) -> None:
    feed = Feed(data, fold, ("audio", "text"), standardised=False)
    spec = {"name": fusion, "heads": 2} if fusion == "proxy_attention" else fusion
    model = system(cell(fusion=spec), data).eval()
    batch = feed.batch(torch.arange(40))
    audio_absent = ~batch.present[:, 0]
    assert audio_absent.any()
    changed = batch.features["audio"] + 100.0 * audio_absent[:, None]
    outputs, _ = model(batch, EPOCH, STEP)
    poked, _ = model(batch._replace(features={**batch.features, "audio": changed}), EPOCH, STEP)
    assert torch.equal(outputs.predictions["emotion"], poked.predictions["emotion"])


def test_dropout_at_the_input_hides_the_features_and_keeps_the_complete_ones(
    cell: Cells, data: Dataset, fold: Fold
) -> None:
    feed = Feed(data, fold, ("audio", "text"), standardised=False)
    model = system(cell(modality_dropout={"rate": 1.0, "site": "input"}), data).train()
    batch = feed.batch(torch.arange(40))
    outputs, seen = model(batch, EPOCH, STEP)
    both = batch.present.all(dim=1)
    assert (seen.present[both].sum(dim=1) == 1).all()
    assert torch.equal(seen.present, outputs.present)
    for column, name in enumerate(("audio", "text")):
        assert (seen.features[name][~seen.present[:, column]] == 0).all()
        assert torch.equal(seen.complete[name], batch.complete[name])


def test_dropout_at_the_mean_is_seen_by_the_fusion_alone_and_only_in_training(
    cell: Cells, data: Dataset, fold: Fold
) -> None:
    feed = Feed(data, fold, ("audio", "text"), standardised=False)
    settings = cell(modality_dropout={"rate": 1.0, "site": "mean"}, fusion="attention", encoder="mlp")
    model = system(settings, data).train()
    batch = feed.batch(torch.arange(40))
    outputs, seen = model(batch, EPOCH, STEP)
    both = batch.present.all(dim=1)
    assert outputs.fused.weights is not None
    assert ((outputs.fused.weights[both] > 0).sum(dim=1) == 1).all()
    assert torch.equal(seen.present, batch.present)
    evaluated, _ = model.eval()(batch, EPOCH, STEP)
    assert torch.equal(evaluated.present, batch.present)


def test_dropout_at_the_sample_matters_only_to_a_fusion_that_reads_samples(
    cell: Cells, data: Dataset, fold: Fold
) -> None:
    feed = Feed(data, fold, ("audio", "text"), standardised=False)
    batch = feed.batch(torch.arange(40))

    def predicted(**changes: object) -> torch.Tensor:
        encoder = {"name": "variational_mlp", "width": 8, "dropout": 0.0}
        torch.manual_seed(0)
        outputs, _ = system(cell(encoder=encoder, **changes), data).train()(batch, EPOCH, STEP)
        return outputs.predictions["emotion"]

    at_sample = {"rate": 1.0, "site": "sample"}
    assert torch.equal(predicted(), predicted(modality_dropout=at_sample))
    assert not torch.equal(predicted(latent="sample"), predicted(latent="sample", modality_dropout=at_sample))


def test_a_term_of_weight_zero_is_told_and_moves_nothing(cell: Cells, data: Dataset, fold: Fold) -> None:
    feed = Feed(data, fold, ("audio", "text"), standardised=False)
    batch = feed.batch(torch.arange(40))
    losses = {"emotion": "cross_entropy", "reconstruction": {"name": "reconstruction", "weight": 0.0}}
    model = system(cell(losses=losses), data).train()
    total, terms = model.terms(*model(batch, EPOCH, STEP))
    assert terms["reconstruction"] > 0
    assert torch.equal(total, terms["emotion"])
    total.backward()
    assert all(p.grad is None for p in weights(model, "losses.reconstruction").values())


def test_the_total_is_the_sum_of_weighted_and_warmed_up_terms(cell: Cells, data: Dataset, fold: Fold) -> None:
    feed = Feed(data, fold, ("audio", "text"), standardised=False)
    batch = feed.batch(torch.arange(40))
    losses = {"emotion": {"name": "focal", "weight": 2.0}, "kl": {"name": "kl_prior", "weight": 0.3, "warmup": 4}}
    model = system(cell(losses=losses), data).train()
    for epoch, factor in ((0, 0.0), (1, 0.25), (4, 1.0), (9, 1.0)):
        total, terms = model.terms(*model(batch, epoch, STEP))
        expected = 2 * terms["emotion"] + 0.3 * factor * terms["kl"]
        np.testing.assert_allclose(total.item(), expected.item(), rtol=1e-6)
