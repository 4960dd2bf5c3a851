"""What evidence before training costs: a study of about a hundred different systems of AttentionRobustV4's size.

python benchmarks/evidence.py [--cells 96] [--repeat 3]
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter

os.environ.setdefault("OMP_NUM_THREADS", "1")

from butfor.core.engine.evidence.before import evidence_before
from butfor.core.engine.work import Shelf
from butfor.core.study.study import Study
from butfor.registry import assemble

LEVELS = {96: "[0.2, 0.35, 0.5]", 64: "[0.2, 0.35]", 32: "[0.35]"}
TEXT = """\
study: evidence
include: v4_as_planned
dataset: {{name: planted, classes: 6, rows: 1600}}
splits: {{folds: 5, by: group, test: official}}
seeds: 3
ablations:
  grid:
    factorial:
      losses.contrastive: [keep, null]
      losses.kl: [keep, null]
      losses.reconstruction: [keep, null]
      fusion.proxy: {{gate: keep, no gate: {{name: uncertainty}}}}
      fusion.kv_mode: [per_modality, joint]
      encoder.dropout: {levels}
"""


def main() -> None:
    """Print seconds, and how many records of each question there are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=96, choices=sorted(LEVELS))
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    catalogue, shelf = assemble(), Shelf()
    study = Study.parse(TEXT.format(levels=LEVELS[asked.cells]), catalogue, "evidence.yaml")
    for cell in study.cells:
        shelf.folds(cell.settings.dataset, cell.settings.splits, cell.folder)
    for _ in range(asked.repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        found = evidence_before(study, catalogue, shelf)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{len(study.cells)} cells: {wall:.1f} s on the clock, {cpu:.1f} s of one core, {len(found)} records")
    for question, count in Counter(one.question for one in found).items():
        print(f"  {count:4d} {question}")


if __name__ == "__main__":
    main()
