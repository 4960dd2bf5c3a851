"""A page of 500 trials stays below a megabyte."""

from dataclasses import replace

import numpy as np
import pytest

from butfor.core.results import TrainResult
from butfor.core.study.plan import (
    Plan,
    PlannedCell,
    PlannedDesign,
    PlannedMetric,
    PlannedRow,
    PlannedTrial,
    TableSettings,
)
from butfor.reports.material import material_of
from butfor.reports.page.facts import Facts
from butfor.reports.page.page import page

METRICS = tuple(PlannedMetric(name=name, higher_is_better=True, rate=True) for name in ("f1", "accuracy", "auc", "uar"))
TERMS = ("loss", *(f"loss.{name}" for name in ("emotion", "valence", "kl", "contrastive", "reconstruction")))


@pytest.fixture(scope="module")
def large():
    """5 designs of 20 systems, 5 seeds each, 100 epochs with 6 losses and 3 metrics."""
    keys = [f"cell{number}" for number in range(96)]
    rows = {key: PlannedRow(cell=key, label=f"the system with number {key}", baseline=key == "cell0") for key in keys}
    designs = tuple(
        PlannedDesign(name=f"design {part}", kind="one_at_a_time",
                      rows=(rows["cell0"], *(rows[key] for key in keys[1 + part * 19 : 20 + part * 19])))
        for part in range(5)
    )  # fmt: skip
    trials = tuple(
        PlannedTrial(key=f"{number:08x}{seed:08x}", cell=key, seed=seed, fold="official")
        for number, key in enumerate(keys)
        for seed in range(6 if number < 20 else 5)
    )
    settings = {"dataset": {"name": "planted"}, "train": {str(n): n for n in range(60)}}
    plan = Plan(
        study="large", source="large.yaml", baseline="cell0", designs=designs, trials=trials, metrics=METRICS,
        cells=tuple(PlannedCell(key=key, label=rows[key].label, settings=settings) for key in keys),
        tables=tuple(TableSettings(design=design.name) for design in designs),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    results = []
    for trial in trials:
        noise = rng.normal(size=(100, len(TERMS) + 3))
        curve = tuple(
            dict(zip((*TERMS, "valid.f1", "valid.auc", "valid.uar"), row, strict=True)) for row in noise.tolist()
        )
        metrics = {metric.name: float(rng.uniform()) for metric in METRICS}
        kept = {"metrics": {"test": metrics}, "curve": curve, "provenance": {"parameters": 1000}}
        results.append(TrainResult(trial.key, trial.cell, trial.seed, trial.fold, "done", selected_epoch=50, **kept))
    return Facts(material_of(plan, results))


@pytest.fixture(scope="module")
def disturbed(large):
    """The same, tested under 11 conditions, with fusions that give weights."""
    conditions = [f"@missing:{rate}:{name}" for rate in (0.2, 0.4, 0.6) for name in ("audio", "text", "video")]
    splits = ["test", *(f"test{name}" for name in (*conditions, "@noise:1", "@noise:2"))]
    rng = np.random.default_rng(1)

    def tested(one):
        metrics = {split: {name: float(rng.uniform()) for name in one.metrics["test"]} for split in splits}
        weights = {split: {"audio": 0.4, "text": float(rng.uniform()), "video": 0.25} for split in splits}
        return replace(one, metrics=metrics, provenance={**one.provenance, "fusion_weights": weights})

    return Facts(material_of(large.material.plan, map(tested, large.material.results)))


def test_a_page_of_500_trials_is_below_a_megabyte(large):
    assert len(large.material.results) == 500
    size = len(page(large).encode())
    assert 100_000 < size < 1_000_000, size


def test_so_it_is_with_tests_under_conditions_and_with_fusion_weights(disturbed):
    text = page(disturbed)
    assert text.count("Fusion weights by modality") == 2 * 5  # title and caption
    assert "audio missing in 20 %" in text
    assert 100_000 < len(text.encode()) < 1_000_000, len(text.encode())
