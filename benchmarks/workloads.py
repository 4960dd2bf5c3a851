"""What is measured: three sizes of the V4 system on planted data, as real study files made from one template.

`.venv/bin/python benchmarks/workloads.py` writes `benchmarks/studies/` again; a test holds the files against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STUDIES = Path(__file__).parent / "studies"
BATCH = 32
ROWS = 3000


@dataclass(frozen=True, slots=True)
class Size:
    """How many trials: 2 losses, or 4 with a second weight of the divergence, x 3 subsets of modalities x these."""

    weights: str
    folds: int
    seeds: int


SIZES = {
    12: Size("[0.01]", 2, 1),
    24: Size("[0.01, 0.1]", 2, 1),
    30: Size("[0.01]", 5, 1),
    60: Size("[0.01, 0.1]", 5, 1),
    300: Size("[0.01, 0.1]", 5, 5),
    3000: Size("[0.01, 0.1]", 5, 50),
}


@dataclass(frozen=True, slots=True)
class Workload:
    """One size: the width of each modality's features, and H."""

    name: str
    features: dict[str, int]
    width: int


WORKLOADS = {
    one.name: one
    for one in (
        Workload("tiny", {"text": 100, "audio": 74, "video": 35}, 32),
        Workload("small", {"text": 300, "audio": 74, "video": 35}, 64),
        Workload("reference", {"text": 1024, "audio": 768, "video": 512}, 128),
    )
}

TEMPLATE = """\
# Written by benchmarks/workloads.py: {trials} trials of the V4 system, input widths {widths}, H {width}.
study: bench-{name}
include: v4_as_planned
dataset:
  name: planted
  rows: {rows}
  classes: 6
  modalities: {{text: 0.6, audio: 0.4, video: 0.2}}
  features: {{text: {text}, audio: {audio}, video: {video}}}
  test_share: 0.2
splits: {{folds: {folds}, by: group, test: official}}
seeds: {seeds}
baseline:
  encoder: {{width: {width}}}
  train: {{epochs: {epochs}, patience: {patience}, batch_size: {batch}}}
ablations:
  grid:                             # settings of the loss x subsets of the modalities
    factorial:
      losses.contrastive: [keep, null]
      losses.kl.weight: {weights}
      modalities: [[text, audio, video], [text, audio], [text]]
"""


def study_text(
    workload: Workload, *, trials: int = 300, epochs: int = 25, patience: int | None = 4, batch: int = BATCH
) -> str:
    """The study, of as many trials as one of `SIZES`. `patience` None trains all `epochs`: the work is then fixed."""
    size = SIZES[trials]
    return TEMPLATE.format(
        name=workload.name,
        trials=trials,
        widths="/".join(map(str, workload.features.values())),
        width=workload.width,
        rows=ROWS,
        folds=size.folds,
        seeds=size.seeds,
        weights=size.weights,
        epochs=epochs,
        patience="null" if patience is None else patience,
        batch=batch,
        **workload.features,
    )


def shipped() -> dict[str, str]:
    """{file name: text} of the studies that stand in `benchmarks/studies`: 300 trials, and the cut of 60."""
    files = {}
    for name, workload in WORKLOADS.items():
        files[f"{name}.yaml"] = study_text(workload)
        files[f"{name}_60.yaml"] = study_text(workload, trials=60)
    return files


def write_study(folder: Path, workload: Workload, **settings: int | None) -> Path:
    """Write the study with other `settings` (those of `study_text`) into `folder`, and say where."""
    told = "_".join(f"{key}{value}" for key, value in settings.items())
    path = folder / f"{workload.name}_{told}.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(study_text(workload, **settings), encoding="utf-8")
    return path


if __name__ == "__main__":
    STUDIES.mkdir(exist_ok=True)
    for file, text in shipped().items():
        (STUDIES / file).write_text(text, encoding="utf-8")
        print(f"written {STUDIES.name}/{file}")
