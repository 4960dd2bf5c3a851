"""A small two-modality data set and cells on it, built from real plugins."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from butfor.core import Dataset, DatasetSpec, Task
from butfor.core.catalogue import Catalogue
from butfor.core.engine.assignment import Assignment
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings
from butfor.registry import assemble


class ToySpec(DatasetSpec):
    """Two modalities; the class is the sign of a sum, the value the sum itself."""

    name: Literal["toy"] = "toy"
    standardise: bool = False
    names: ClassVar[tuple[str, ...]] = ("audio", "text")

    def modality_names(self) -> tuple[str, ...]:
        return self.names

    def load(self) -> Dataset:
        draw = np.random.default_rng(0)
        features = {m: draw.normal(size=(240, 6)).astype(np.float32) for m in self.names}
        total = features["audio"][:, 0] + features["text"][:, 0]
        present = {"audio": draw.random(240) < 0.8, "text": draw.random(240) < 0.8}
        tasks = {"emotion": Task("emotion", "classes", ("low", "high")), "valence": Task("valence", "values", span=3)}
        targets = {"emotion": (total > 0).astype(np.int64), "valence": total.astype(np.float32)}
        labelled = {"valence": draw.random(240) < 0.7}
        return Dataset(features, tasks, targets, present=present, labelled=labelled)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return assemble()


@pytest.fixture(scope="session")
def data() -> Dataset:
    return ToySpec().load()


@pytest.fixture(scope="session")
def fold() -> Fold:
    rows = np.arange(240)
    return Fold("0", rows[:160], rows[160:200], {"test": rows[200:]})


Cells = Callable[..., CellSettings]


@pytest.fixture(scope="session")
def cell(catalogue: Catalogue) -> Cells:
    def make(**changes: Any) -> CellSettings:
        modalities = changes.pop("modalities", ("audio", "text"))
        encoder = changes.pop("encoder", {"name": "variational_mlp", "width": 8, "dropout": 0.2})
        settings = {
            "dataset": ToySpec(),
            "modalities": modalities,
            "encoder": dict.fromkeys(modalities, encoder),
            "fusion": "concat",
            "losses": {"emotion": "cross_entropy", "valence": {"name": "mse", "weight": 0.5}},
            "train": {"epochs": 4, "batch_size": 32, "lr": 0.01, "scheduler": None},
        }
        return CellSettings.model_validate(settings | changes, context={"catalogue": catalogue})

    return make


@pytest.fixture(scope="session")
def assignment(fold: Fold) -> Callable[..., Assignment]:
    def make(settings: CellSettings, seed: int = 0) -> Assignment:
        return Assignment("a" * 16, "b" * 16, settings, seed, fold)

    return make
