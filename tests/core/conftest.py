"""A store to fill, results to fill it with, and a PostgreSQL server of our own where one is installed."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from butfor.core.leases import Lease
from butfor.core.records import Entry
from butfor.core.results import TrainResult
from butfor.core.store import Store

SERVER = Path(__file__).parents[1] / "soak" / "postgres.py"
SETTINGS = {"fusion": {"name": "gated", "temperature": 0.1}, "seeds": [1, 2], "none": None}


def result_named(key="a" * 16, state="done", **changes):
    fields = {
        "key": key,
        "cell": "c0ffee",
        "seed": 3,
        "fold": "fold-1",
        "state": state,
        "message": "" if state == "done" else "loss is NaN in epoch 4",
        "metrics": {"valid": {"weighted_f1": 0.1 + 0.2, "mse": 1 / 3}, "test": {"weighted_f1": 0.7}, "noisy": {}},
        "curve": ({"lr": 5e-4, "loss": 1.25, "valid.mse": 2.0}, {"lr": 5e-4, "loss": 0.1}),
        "selected_epoch": 1,
        "seconds": 12.345,
        "provenance": {"torch": "2.13", "threads": 1, "parameters": 1234},
        "kind": "error" if state == "failed" else "",
    }
    return TrainResult(**{**fields, **changes})


def put_all(store, *results, study="study", settings=SETTINGS):
    store.enlist(study, [Entry(r.key, r.cell, r.seed, r.fold, settings, {"torch": "2.13"}) for r in results])
    with Lease(store) as lease:
        lease.claim([result.key for result in results])
        return [result.key for result in results if lease.finish(result)]


@pytest.fixture
def a_result():
    """A result with every field filled; `key`, `state` and all else can be said."""
    return result_named


@pytest.fixture
def put():
    """Ask for trials, claim them and write down how they ended; gives the keys that were written."""
    return put_all


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store.open(tmp_path / "runs.sqlite") as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
def where(request, tmp_path) -> Iterator[str]:
    """Where a store may be: a file, or a server where there is one."""
    if request.param == "sqlite":
        yield str(tmp_path / "runs.sqlite")
    else:
        yield request.getfixturevalue("database")


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server of our own on this machine."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'butfor[postgres]')")
    specification = importlib.util.spec_from_file_location("butfor_soak_postgres", SERVER)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    if module.programs() is None:
        pytest.skip("no PostgreSQL server is installed (apt-get install postgresql)")
    with module.serving() as running:
        yield running


@pytest.fixture
def database(server) -> str:
    """The address of an empty database."""
    return server.empty("runs")
