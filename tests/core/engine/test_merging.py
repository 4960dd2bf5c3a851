"""Small groups that share the program of their union: no bit is another, and what would be another is kept apart."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from butfor.core import Dataset
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.feed import Feeds
from butfor.core.engine.merging import family, union
from butfor.core.engine.probe import probe_union
from butfor.core.engine.slots import Slots
from butfor.core.engine.structure import structure
from butfor.core.results import TrainResult
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]

LOSSES = {
    "emotion": {"name": "focal", "smoothing": 0.1},
    "valence": {"name": "mse", "weight": 0.5},
    "kl": {"name": "kl_prior", "weight": 0.01, "warmup": {"start": 1, "ramp": 2}},
    "reconstruction": {"name": "reconstruction", "weight": 0.1},
    "cross_kl": {"name": "cross_modal_kl", "weight": 0.01},
    "contrastive": {"name": "info_nce", "weight": 0.1},
}
BASE = {
    "fusion": {"name": "proxy_attention", "proxy": "gated_uncertainty", "dropout": 0.2},
    "encoder": {"name": "variational_mlp", "variant": "v4", "width": 8, "dropout": 0.3},
    "head": {"dropout": 0.2},
    "modality_dropout": {"rate": 0.3, "warmup": 1},
    "train": {"epochs": 4, "batch_size": 32, "lr": 0.005, "clip": {"by": "norm", "limit": 0.5}},
    "losses": LOSSES,
}


def without(*terms: str, **changes: Any) -> dict[str, Any]:
    return {**BASE, **changes, "losses": {term: spec for term, spec in LOSSES.items() if term not in terms}}


def trials(cells: list[CellSettings], rows: int = 240, seeds: int = 2) -> list[Assignment]:
    order = np.random.default_rng(3).permutation(rows)
    fold = Fold("0", np.sort(order[:150]), np.sort(order[150:190]), {"test": np.sort(order[190:])})
    return [Assignment(f"{n}-{seed}", "c", cell, seed, fold) for n, cell in enumerate(cells) for seed in range(seeds)]


def run(assignments: list[Assignment], data: Dataset, whole: CellSettings | None = None) -> dict[str, TrainResult]:
    return {result.key: result for result in Slots(assignments, Feeds(data), 8, whole=whole).run()}


def test_trials_without_some_terms_share_a_program_and_have_the_bits_of_their_own(cell: Cells, data: Dataset) -> None:
    """Also where a term is off, waits for its warm-up, or brings the only head of a task."""
    off = without()
    off["losses"]["contrastive"] = {"name": "info_nce", "weight": 0.0}
    cells = [cell(**one) for one in (without(), without("valence"), without("reconstruction", "kl"), off)]
    whole = union(cells)
    assert whole is not None
    assert tuple(whole.losses) == tuple(LOSSES)
    assert probe_union(trials(cells, seeds=1), whole, data) == ""
    together = run(trials(cells), data, whole)
    for one in cells:
        for key, result in run([t for t in trials(cells) if t.settings is one], data).items():
            assert repr(result.curve) == repr(together[key].curve)
            assert result.metrics == together[key].metrics
            for name, values in result.predictions.items():
                np.testing.assert_array_equal(values, together[key].predictions[name])


@pytest.mark.parametrize(
    ("fusion", "together"),
    [
        ("mean", True),
        ("uncertainty", True),
        ("product_of_experts", True),
        ("concat", False),
        ("low_rank", False),
    ],
)
def test_modalities_share_a_program_only_where_no_bit_knows_of_it(
    fusion: str, together: bool, cell: Cells, data: Dataset
) -> None:
    shared = {"fusion": fusion, "losses": {"emotion": "cross_entropy"}, "modality_dropout": {"site": "sample"}}
    cells = [cell(**shared, modalities=names) for names in (("audio", "text"), ("text",))]
    whole = union(cells)
    assert whole is not None
    reason = probe_union(trials(cells, seeds=1), whole, data)
    assert bool(reason) is not together
    if together:
        mixed = run(trials(cells), data, whole)
        for key, result in run(trials(cells)[2:], data).items():
            assert repr(result.curve) == repr(mixed[key].curve)
    else:
        assert "more modalities or terms take part" in reason


def test_a_union_keeps_the_order_of_all_and_refuses_orders_and_programs_that_contradict(cell: Cells) -> None:
    one, two = without("kl", "cross_kl"), without("reconstruction")
    whole = union([cell(**one), cell(**two)])
    assert whole is not None
    names = list(whole.losses)
    assert set(names) == set(LOSSES)
    assert [n for n in names if n in one["losses"]] == list(one["losses"])
    assert [n for n in names if n in two["losses"]] == list(two["losses"])
    turned = {**BASE, "losses": dict(reversed(LOSSES.items()))}
    assert union([cell(**BASE), cell(**turned)]) is None
    other = {**BASE, "losses": {**LOSSES, "valence": {"name": "mae"}}}
    assert union([cell(**BASE), cell(**other)]) is None


def test_a_family_differs_in_modalities_and_terms_alone(cell: Cells) -> None:
    base = family(cell(**BASE), with_modalities=False)
    assert family(cell(**without("kl")), with_modalities=False) == base
    assert family(cell(**BASE, modalities=("text",)), with_modalities=False) == base
    text, both = cell(**BASE, modalities=("text",)), cell(**BASE)
    assert family(text, with_modalities=True) != family(both, with_modalities=True)
    assert family(cell(**{**BASE, "fusion": "mean"}), with_modalities=False) != base
    assert structure(cell(**without("kl"))) != structure(cell(**BASE))
