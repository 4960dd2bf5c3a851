"""Every example parses, expands, and finds its plugins; those whose data are here are looked at with the data."""

from pathlib import Path

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


@needs_mosi
@pytest.mark.slow
def test_on_mosi_text_carries_and_video_adds_nothing(tmp_path: Path) -> None:
    """Against the linear model's weighted F1 of data/README.md: text .761, audio .556, all .760."""
    study, catalogue = runner.read_study(EXAMPLES / "mosi.yaml", num_seeds=1)
    prepared = runner.prepare(study, catalogue)
    executor = runner.executor_named("local", catalogue, jobs=2)
    keys = runner.asked(prepared, ["modalities", "alone"])
    states = runner.run(prepared, keys, tmp_path, executor=executor)
    assert {states[key] for key in keys} == {"done"}
    loo, alone = (
        table.frame().set_index("label")["weighted_f1"]
        for table in rebuild.tables(prepared.plan, tmp_path, ["modalities", "alone"])
    )
    assert loo["full"] > 0.760 - 0.015
    assert alone["text"] == pytest.approx(0.761, abs=0.03)
    assert alone["audio"] == pytest.approx(0.556, abs=0.03)
    assert loo["without video"] > loo["full"] - 0.015
    assert loo["without text"] < loo["full"] - 0.1


@pytest.mark.slow
def test_what_is_taken_away_costs_what_it_carries_in_both_ways(tmp_path: Path) -> None:
    """The planted shares: text .6, audio .4, video none."""
    study, catalogue = runner.read_study(EXAMPLES / "robust.yaml", num_seeds=1)
    prepared = runner.prepare(study, catalogue)
    keys = runner.asked(prepared, ["modalities"])
    states = runner.run(prepared, keys, tmp_path, executor=runner.executor_named("local", catalogue, jobs=2))
    assert {states[key] for key in keys} == {"done"}
    (table,) = rebuild.tables(prepared.plan, tmp_path, ["modalities"])
    delta = table.frame().set_index("label")["weighted_f1_delta"]
    for moment in ("retrained", "at test"):
        assert delta[f"w/o text ({moment})"] < -0.05
        assert delta[f"w/o audio ({moment})"] < -0.05
        assert abs(delta[f"w/o video ({moment})"]) < 0.03


def test_the_shipped_study_is_commented_and_uses_embedded_data() -> None:
    text = (ROOT / "ablations.yaml").read_text()
    assert text.count("#") > 8
    assert yaml.safe_load(text)["dataset"]["name"] == "planted"
