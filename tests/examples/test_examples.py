"""Every example parses, expands, and finds its plugins; those whose data are here are looked at with the data."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from butfor import runner
from butfor.reports import rebuild

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
MOSI = ROOT.parent / "shared" / "data" / "mosi.npz"
needs_mosi = pytest.mark.skipif(not MOSI.exists(), reason="shared/data/mosi.npz is not beside the project")


@pytest.mark.parametrize(
    "path", sorted([*EXAMPLES.glob("*.yaml"), ROOT / "ablations.yaml"]), ids=lambda path: path.stem
)
def test_an_example_is_a_study_without_warnings(path: Path) -> None:
    study, _ = runner.read_study(path)
    assert study.warnings == ()
    assert len(study.cells) > 1


def test_the_v4_factorial_fits_in_forty_lines_and_has_the_plans_defaults() -> None:
    path = EXAMPLES / "v4_2x2.yaml"
    assert len(path.read_text().splitlines()) <= 40
    study, catalogue = runner.read_study(path)
    (design,) = study.designs
    assert design.kind == "factorial"
    levels = [tuple(row.levels.values()) for row in design.rows]
    assert len(set(levels)) == len(levels) == 4
    baseline = study.baseline.resolved
    assert baseline["losses"]["emotion"]["gamma"] == 2.0
    assert baseline["fusion"]["proxy"]["gate_alpha"] == 0.5
    assert baseline["encoder"]["text"]["dropout"] == 0.35
    assert baseline["modality_dropout"]["warmup"] == {"start": 20, "ramp": 20}
    prepared = runner.prepare(study, catalogue)
    assert len(prepared.trials) == 4 * 3 * 5
    assert [metric.name for metric in prepared.plan.metrics][:2] == ["weighted_f1", "mse"]


def train(name: str, out: Path, seeds: int, only: str) -> dict[str, dict[str, float]]:
    """Train one design of an example in this process: {label: {metric: mean}}, with `.sd` beside each."""
    study, catalogue = runner.read_study(ROOT / name, only=[only], num_seeds=seeds)
    prepared = runner.prepare(study, catalogue)
    executor = runner.executor_named("local", 2, catalogue)
    states = runner.run(prepared, runner.pending(prepared, out), out, executor=executor)
    assert set(states.values()) == {"done"}
    (table,) = rebuild.tables(prepared.plan, out)
    return table.frame().set_index("label").to_dict("index")


@pytest.mark.slow
def test_the_planted_truth_shows_in_the_tables(tmp_path: Path) -> None:
    """Products win where a product is planted; a modality and a term that carry nothing make no difference."""
    fusions = train("ablations.yaml", tmp_path, 3, "fusions")
    f1 = {label: row["weighted_f1"] for label, row in fusions.items()}
    sd = {label: row["weighted_f1_sd"] for label, row in fusions.items()}
    for multiplicative in ("low_rank (baseline)", "tensor"):
        for additive in ("concat", "mean", "gated_uncertainty"):
            spread = np.sqrt((sd[multiplicative] ** 2 + sd[additive] ** 2) / 2)
            assert f1[multiplicative] - f1[additive] > 2 * spread, (multiplicative, additive)
    assert max(f1.values()) < 0.95
    modalities = train("ablations.yaml", tmp_path, 3, "modalities")
    gap = {label: -row["weighted_f1_delta"] / row["weighted_f1_sd"] for label, row in modalities.items()}
    assert gap["w/o text"] > 3
    assert gap["w/o audio"] > 3
    assert abs(gap["w/o video"]) < 1.5
    components = train("ablations.yaml", tmp_path, 3, "components")
    nothing = components["w/o nuisance"]
    assert abs(nothing["weighted_f1_delta"]) < 1.5 * nothing["weighted_f1_sd"]


@needs_mosi
@pytest.mark.slow
def test_on_mosi_text_carries_and_video_adds_nothing(tmp_path: Path) -> None:
    """Against the linear model's weighted F1 of data/README.md: text .761, audio .556, all .760."""
    loo = train("examples/mosi.yaml", tmp_path, 1, "modalities")
    alone = train("examples/mosi.yaml", tmp_path, 1, "alone")
    assert loo["full"]["weighted_f1"] > 0.760 - 0.015
    assert alone["text"]["weighted_f1"] == pytest.approx(0.761, abs=0.03)
    assert alone["audio"]["weighted_f1"] == pytest.approx(0.556, abs=0.03)
    assert loo["without video"]["weighted_f1"] > loo["full"]["weighted_f1"] - 0.015
    assert loo["without text"]["weighted_f1"] < loo["full"]["weighted_f1"] - 0.1


def test_the_shipped_study_is_commented_and_uses_embedded_data() -> None:
    text = (ROOT / "ablations.yaml").read_text()
    assert text.count("#") > 8
    assert yaml.safe_load(text)["dataset"]["name"] == "planted"
