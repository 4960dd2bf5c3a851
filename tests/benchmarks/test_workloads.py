"""The benchmark's studies are the template's, and have the trials that they say."""

from pathlib import Path

import pytest

from butfor import runner
from butfor.benchmarks.workloads import SIZES, STUDIES, WORKLOADS, shipped, study_text
from butfor.core.study.study import Study
from butfor.registry import assemble


def test_the_files_are_what_the_template_writes() -> None:
    assert {path.name: path.read_text() for path in STUDIES.glob("*.yaml")} == shipped()


@pytest.mark.parametrize(("file", "trials"), [("tiny_60.yaml", 60), ("small.yaml", 300)])
def test_a_study_has_its_trials_and_its_widths(file: str, trials: int) -> None:
    study, catalogue = runner.read_study(STUDIES / file)
    prepared = runner.prepare(study, catalogue)
    assert len(prepared.trials) == trials
    workload = WORKLOADS[file.partition(".")[0].partition("_")[0]]
    settings = study.baseline.settings
    assert settings.width == workload.width
    data = settings.dataset.load()
    assert {name: x.shape for name, x in data.features.items()} == {m: (3000, d) for m, d in workload.features.items()}


@pytest.mark.parametrize("trials", SIZES)
def test_every_size_has_as_many_cells_folds_and_seeds_as_it_needs(trials: int) -> None:
    study = Study.parse(study_text(WORKLOADS["tiny"], trials=trials), assemble([]), str(Path("bench.yaml")))
    assert len(study.cells) * len(study.seeds) * study.baseline.settings.splits.folds == trials
