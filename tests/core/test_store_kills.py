"""A short count of `tests/soak/soak_store.py`: runners that are killed, that start at once, that lose their server."""

import importlib.util
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[1] / "soak" / "soak_store.py"


@pytest.fixture(scope="module")
def soak_store():
    specification = importlib.util.spec_from_file_location("butfor_soak_store", SOAK)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_killed_runners_lose_and_double_nothing(soak_store, where, tmp_path):
    told = soak_store.soak(where, tmp_path, trials=60, kills=4, runners=2, seed=3)
    assert "0 lost, 0 doubled" in told


@pytest.mark.slow
def test_four_runners_that_create_a_store_at_once_share_its_trials(soak_store, where, tmp_path):
    grid = soak_store.Grid(where, tmp_path, 80, soak_store.random.Random(0))
    grid.complete(4)
    assert grid.judge().startswith("80 trials, kills {}, 0 begun again")


@pytest.mark.slow
def test_a_server_that_restarts_under_its_runners_costs_nothing(soak_store, server, tmp_path):
    told = soak_store.restarted(server, tmp_path, trials=150, restarts=1)
    assert "150 trials" in told
