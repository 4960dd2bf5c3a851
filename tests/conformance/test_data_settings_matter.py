"""Every setting of every data set reaches the code that it names: changing it changes the data, or its folds.

`standardise` belongs to the engine: tests/core/engine/test_settings_matter.py.
"""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from butfor.core import DataError, Dataset, DatasetSpec
from butfor.core.catalogue import Catalogue
from butfor.core.labels import TaskColumn
from butfor.core.splits import SplitSpec, make_folds
from butfor.registry import assemble

CATALOGUE: Catalogue = assemble()
OF_THE_ENGINE = {*DatasetSpec.model_fields}
ROWS, STEPS = 24, 3


class Case(NamedTuple):
    """The values of a setting that must all give other data or folds, and what else is set."""

    values: tuple[Any, ...]
    beside: Mapping[str, Any] = MappingProxyType({})


PLANTED: dict[str, Case] = {
    "rows": Case((400, 500)),
    "seed": Case((0, 1)),
    "modalities": Case(({"audio": 0.4, "text": 0.6}, {"audio": 0.6, "text": 0.4}, {"audio": 0.4, "words": 0.6})),
    "signal": Case((1.0, 2.0)),
    "interaction": Case((0.0, 1.0, 2.0)),
    "pair": Case((None, ("audio", "text"), ("audio", "video"), ("video", "text"))),
    "features": Case(({}, 20, {"audio": 20}, {"text": 20})),
    "frames": Case((0, 4, 5, {"audio": 4})),
    "classes": Case((2, 3, 4, 6)),
    "imbalance": Case((1.0, 2.0)),
    "label_noise": Case((0.0, 0.1)),
    "missing": Case((0.0, 0.1, {"audio": 0.1})),
    "noisy": Case((0.0, 0.1, {"audio": 0.1})),
    "noise_scale": Case((1.0, 3.0)),
    "valence": Case((True, False)),
    "unlabelled": Case((0.0, 0.1)),
    "nuisance": Case((True, False)),
    "groups": Case((0, 12, 24)),
    "group_offset": Case((0.0, 0.3)),
    "valid_share": Case((0.1, 0.2)),
    "test_share": Case((0.1, 0.2)),
}

VIDEO = {"modalities": {"audio": "audio", "video": "frames"}}
CLASSES = {"array": "emotion", "kind": "classes"}
FEATURES: dict[str, Case] = {
    "path": Case(("first.npz", "second.npz", "none.npz")),
    "modalities": Case(
        (
            {"audio": "audio"},
            {"audio": "other"},
            {"audio": ["audio", "other"]},
            {"audio": "[ao]*r"},
            {"sound": "audio"},
            {"audio": "audio", "video": "frames"},
            {"audio": "audio", "video": {"array": "frames", "lengths": "steps"}},
            {"audio": {"array": "audio", "present": "has_audio"}},
        )
    ),
    "task": Case(({"emotion": "emotion"}, {"emotion": "valence"}, {"mood": "emotion"})),
    "task.array": Case(("emotion", "valence")),
    "task.kind": Case(("classes", "values")),
    "task.classes": Case((None, ("low", "middle", "high"), ("low", "middle", "high", "top"))),
    "task.missing": Case((None, 1, 2)),
    "task.span": Case((None, 3, 4), {"task": {"emotion": "valence"}}),
    "lengths": Case(({}, {"video": "steps"}, {"video": "auto"}), VIDEO),
    "present": Case(({}, {"audio": "has_audio"}, {"audio": "has_video"}, {"video": "has_video"}), VIDEO),
    "groups": Case((None, "speaker", "show")),
    "split": Case((None, "part", "other_part")),
    "ids": Case((None, "twice")),  # names of rows are there to find a row that stands in the file twice
}
TABLES = {"planted": PLANTED, "features": FEATURES}


def observed(settings: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """The data, what they say of tasks and modalities, and the folds by official parts and by group; or the refusal."""
    spec = DatasetSpec.model_validate(settings, context={"catalogue": CATALOGUE, "folder": folder})
    try:
        data = spec.load()
    except DataError as error:
        return (error.setting, str(error))
    told = (data.digest(), repr(data.tasks), repr(data.modalities), repr(spec.modality_names()))
    return (*told, *(folds(data, said) for said in ({"scheme": "official"}, {"folds": 2, "by": "group"})))


def folds(data: Dataset, splits: dict[str, Any]) -> str:
    try:
        made = make_folds(SplitSpec.model_validate(splits), data)
    except DataError as error:
        return str(error)
    parts = [(fold.name, fold.train, fold.valid, *fold.tests.items()) for fold in made]
    with np.printoptions(threshold=100_000):
        return repr(parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small files of one shape: utterances, frames that are zero at their ends, labels, and names."""
    where = tmp_path_factory.mktemp("features")
    for seed, name in enumerate(("first.npz", "second.npz")):
        draw = np.random.default_rng(seed)
        frames = draw.normal(size=(ROWS, STEPS, 2)).astype(np.float32)
        steps = draw.integers(1, STEPS, ROWS)
        frames[np.arange(STEPS) > steps[:, None]] = 0
        np.savez(
            where / name,
            audio=draw.normal(size=(ROWS, 4)).astype(np.float32),
            other=draw.normal(size=(ROWS, 2)).astype(np.float32),
            frames=frames,
            steps=steps,
            emotion=np.arange(ROWS) % 3,
            valence=draw.uniform(-3, 3, ROWS),
            has_audio=draw.random(ROWS) < 0.7,
            has_video=draw.random(ROWS) < 0.7,
            speaker=np.array([f"s{row // 4}" for row in range(ROWS)]),
            show=np.array([f"w{row // 6}" for row in range(ROWS)]),
            part=np.array(["train", "train", "valid", "test"])[np.arange(ROWS) % 4],
            other_part=np.array(["test", "train", "train", "valid"])[np.arange(ROWS) % 4],
            twice=np.array([f"row {row // 2}" for row in range(ROWS)]),
        )
    return where


def settings_of(name: str, setting: str, case: Case, value: object) -> dict[str, Any]:
    base = {"path": "first.npz", "modalities": {"audio": "audio"}, "task": {"emotion": dict(CLASSES)}}
    settings = {"name": name, **(base if name == "features" else {"rows": 400}), **case.beside}
    outer, _, inner = setting.partition(".")
    if not inner:
        return {**settings, outer: value}
    column = settings["task"]["emotion"]
    column = {"array": column} if isinstance(column, str) else {k: v for k, v in column.items() if k != "kind"}
    return {**settings, "task": {"emotion": {**column, inner: value}}}


@pytest.mark.parametrize(("name", "setting"), [(name, setting) for name, cases in TABLES.items() for setting in cases])
def test_a_setting_that_changes_changes_the_data_or_their_folds(name: str, setting: str, folder: Path) -> None:
    case = TABLES[name][setting]
    found = {str(value): observed(settings_of(name, setting, case, value), folder) for value in case.values}
    for (one, first), (other, second) in combinations(found.items(), 2):
        assert first != second, f"{name}.{setting}: '{other}' does what '{one}' does"


def test_every_setting_of_every_data_set_has_a_case() -> None:
    assert {*TABLES} == {*CATALOGUE.names("dataset")}
    for name, cases in TABLES.items():
        fields = {*CATALOGUE.entry("dataset", name).spec.model_fields} - OF_THE_ENGINE
        assert {setting for setting in cases if "." not in setting} == fields, name
    assert {f"task.{field}" for field in TaskColumn.model_fields} == {s for s in FEATURES if "." in s}
