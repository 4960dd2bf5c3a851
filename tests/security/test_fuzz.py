"""Whatever stands in a study's file, it is a study or findings with places: the soak run's cases, a short count."""

import importlib.util
from pathlib import Path

import pytest
import yaml

from butfor.core.errors import Finding

SCRIPT = Path(__file__).parents[1] / "soak" / "soak_fuzz.py"


@pytest.fixture(scope="module")
def soak():
    specification = importlib.util.spec_from_file_location("soak_fuzz", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    import sys

    sys.modules["soak_fuzz"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["soak_fuzz"]


def test_damaged_bytes_give_findings_with_places_and_never_a_traceback(soak):
    tally = soak.fuzz(300, 0, seed=0)
    assert not tally.failures, tally.failures[0]
    assert tally.counts["bytes refused"] > 100


def test_damaged_structure_gives_findings_with_places_and_never_a_traceback(soak):
    tally = soak.fuzz(0, 300, seed=0)
    assert not tally.failures, tally.failures[0]
    assert tally.counts["studies refused"] > 100
    assert tally.counts["studies accepted"] > 20


def test_every_case_follows_from_its_seed_and_differs_from_the_next(soak):
    for make in (soak.fuzzed_bytes, soak.fuzzed_study):
        assert make(7) == make(7)
        assert len({make(seed) for seed in range(40)}) > 35


def test_the_samples_are_right_before_they_are_damaged(soak, tmp_path):
    kinds = {kind for tree in soak.trees() for design in tree.get("ablations", {}).values() for kind in design}
    assert {"leave_one_out", "one_at_a_time", "factorial", "ladder", "subsets", "zip", "cells"} <= kinds
    for tree in soak.trees():
        text = yaml.safe_dump(tree, sort_keys=False)
        assert soak.findings_of(text.encode(), soak.assemble(), tmp_path) == ()


def test_the_fuzzer_counts_what_it_is_made_to_find(soak):
    tally = soak.Tally()
    tally.take(1, "bytes", lambda: 1 / 0)
    tally.take(2, "bytes", lambda: (Finding("words"),))
    tally.take(3, "bytes", lambda: (Finding("words", "f", 1, 1),))
    assert len(tally.failures) == 2
    assert (tally.counts["bytes tracebacks"], tally.counts["bytes without a place"]) == (1, 1)
