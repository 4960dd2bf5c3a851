"""What evidence before training finds of planted faults, and of what it accuses sound cells.

python benchmarks/detection.py [--studies 40]

The faults, the parts and the random studies are those of tests/core/engine/evidence. What is said of random cells is
held against real training, bit for bit.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, Phase, given, settings

from butfor.core.engine.evidence.before import evidence_before
from butfor.core.engine.work import Shelf
from butfor.core.errors import StudyError
from butfor.core.study.proof import findings_of
from butfor.core.study.study import Study
from butfor.registry import assemble

if TYPE_CHECKING:
    from types import ModuleType

    from butfor.core.catalogue import Catalogue

TESTS = Path(__file__).resolve().parents[1] / "tests" / "core" / "engine" / "evidence"
PARTS = ("planted_faults", "careless_parts", "sound_parts")


def load(name: str) -> ModuleType:
    """A module beside the tests."""
    spec = spec_from_file_location(name, TESTS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=40)
    count = parser.parse_args().studies
    catalogue, shelf = assemble([TESTS / f"{name}.py" for name in PARTS]), Shelf(room=50)
    head, pool = load("conftest").HEAD, load("test_no_false_alarms")
    found, planted = faults(catalogue, shelf, head)
    print(f"planted faults found:                          {found} of {planted}")
    alarms, clean = defaults(catalogue, shelf, pool)
    print(f"false alarms, components at their defaults:    {alarms} in {clean} cells")
    alarms, clean = sound(catalogue, shelf, head)
    print(f"false alarms, parts that look like faults:     {alarms} in {clean} cells")
    alarms, missed, cells = sampled(catalogue, shelf, pool, count)
    print(f"false alarms, random studies, beside training: {alarms} in {cells} cells")
    print(f"missed, random studies, beside training:       {missed} in {cells} cells")


def codes(text: str | dict[str, Any], catalogue: Catalogue, shelf: Shelf) -> tuple[Study, list[Any]]:
    """A study and the findings of its evidence."""
    parse = (
        Study.parse(text, catalogue, "study.yaml") if isinstance(text, str) else Study.from_settings(text, catalogue)
    )
    return parse, list(findings_of(parse, evidence_before(parse, catalogue, shelf)))


def faults(catalogue: Catalogue, shelf: Shelf, head: str) -> tuple[int, int]:
    """Planted faults that are found with their code and words, and all of them."""
    every = load("test_planted").FAULTS
    found = 0
    for name, fault in every.items():
        _, findings = codes(head + fault.study, catalogue, shelf)
        hit = any(one.code == fault.code and all(word in one.message for word in fault.says) for one in findings)
        found += hit
        if not hit:
            print(f"  missed: {name}")
    return found, len(every)


def defaults(catalogue: Catalogue, shelf: Shelf, pool: ModuleType) -> tuple[int, int]:
    """Cells with every component at its defaults that are accused, and all of them."""
    alarms = cells = 0
    for kind, name in pool.registered(assemble()):
        text = pool.component(kind, name)
        if not text["ablations"]["b"]["leave_one_out"]:
            del text["ablations"]["b"]
        study, findings = codes(text, catalogue, shelf)
        alarms += told([one for one in findings if one.code in pool.WRONG])
        cells += len(study.cells)
    return alarms, cells


def sound(catalogue: Catalogue, shelf: Shelf, head: str) -> tuple[int, int]:
    """The same of parts that act late, rarely, or read their settings where nobody looks."""
    alarms = cells = 0
    for text in load("test_sound").sound_studies():
        study, findings = codes(head + text, catalogue, shelf)
        alarms += told([one for one in findings if one.severity != "note"])
        cells += len(study.cells)
    return alarms, cells


def sampled(catalogue: Catalogue, shelf: Shelf, pool: ModuleType, count: int) -> tuple[int, int, int]:
    """False and missed claims of one computation in random studies, each held against training; and cells."""
    sums, train = {"alarms": 0, "missed": 0, "cells": 0}, pool.trainer(shelf)

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(text=pool.studies())
    def look(text: dict[str, Any]) -> None:
        try:
            study = Study.from_settings(text, catalogue)
            evidence = evidence_before(study, catalogue, shelf)
            false, missed = pool.false_claims(study, evidence, train), pool.missed_claims(study, evidence, train)
            wrong, unsaid = list(false), list(missed)
        except StudyError:  # no legal study: a number of heads that divides no width, say
            return
        sums["alarms"] += told(wrong)
        sums["missed"] += told(unsaid)
        sums["cells"] += len(study.cells)

    look()
    return sums["alarms"], sums["missed"], sums["cells"]


def told(wrong: list[Any]) -> int:
    """How many, each printed."""
    for one in wrong:
        print(f"  {one}")
    return len(wrong)


if __name__ == "__main__":
    main()
