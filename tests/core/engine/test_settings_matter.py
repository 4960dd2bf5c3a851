"""Every setting of the engine reaches the code that it names: a tiny trial with another value ends otherwise.

What is looked at: the predictions at the selected epoch, and the curve without the learning rate and the selection's
score, which only repeat settings. `CASES` names every setting there is; a new one fails until it has a case.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args, get_origin

import numpy as np
import pytest

from butfor.core import Dataset, DatasetSpec, LossSpec, Settings, Task
from butfor.core.catalogue import Catalogue
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.loop import fit
from butfor.core.specs import Spec
from butfor.core.splits import Fold, SplitSpec, make_folds
from butfor.core.study.settings import CellSettings

ROWS = 96
NAMES = ("audio", "text", "video")


class TinySpec(DatasetSpec):
    """Three modalities that are not standardised; some are absent, some values unlabelled."""

    name: Literal["tiny"] = "tiny"

    def modality_names(self) -> tuple[str, ...]:
        return NAMES

    def load(self) -> Dataset:
        draw = np.random.default_rng(1)
        features = {m: (1 + 2 * draw.normal(size=(ROWS, 4))).astype(np.float32) for m in NAMES}
        total = features["audio"][:, 0] + features["text"][:, 0]
        tasks = {"emotion": Task("emotion", "classes", ("low", "middle", "high")), "valence": Task("valence", "values")}
        targets = {"emotion": np.digitize(total, (0.0, 4.0)).astype(np.int64), "valence": total}
        present = {m: draw.random(ROWS) < 0.85 for m in NAMES}
        return Dataset(features, tasks, targets, present=present, labelled={"valence": draw.random(ROWS) < 0.8})


class Case(NamedTuple):
    """The values of a setting that must all end differently, and what else is set."""

    values: tuple[Any, ...]
    beside: Mapping[str, Any] = MappingProxyType({})


def everywhere(name: str) -> dict[str, Any]:
    return {modality: {"name": name, "width": 4, "dropout": 0.0} for modality in NAMES}


VARIATIONAL = {"encoder": everywhere("variational_mlp")}
DROPPED = {"modality_dropout": {"rate": 0.9}, "fusion": "mean"}
SAMPLED = {**VARIATIONAL, "fusion": "mean", "latent": "sample", "losses.kl": {"name": "kl_prior"}}
FLAT = {"train.select": "mse * 0"}  # no epoch is better than the one before
BETTER = {"train.select": "mse"}  # every epoch is
PLAIN = {"train.optimizer": "sgd", "train.clip": {}}  # to Adam the scale of a gradient is nothing

CASES: dict[str, Case] = {
    "dataset.standardise": Case((True, False)),
    "modalities": Case((NAMES, NAMES[:2], NAMES[1:])),
    "encoder": Case((everywhere("mlp"), everywhere("variational_mlp"))),
    "fusion": Case(({"name": "concat", "dropout": 0.0}, "mean")),
    "latent": Case(("mean", "sample"), VARIATIONAL),
    "head.dropout": Case((0.0, 0.5)),
    "losses": Case(({"emotion": "cross_entropy"}, {"emotion": "focal"}, {"emotion": "focal", "valence": "mse"})),
    "losses.*.weight": Case((0.0, 0.5, 1.0)),
    "losses.*.warmup.start": Case((0, 1)),
    "losses.*.warmup.ramp": Case((0, 2)),
    "modality_dropout": Case((None, *({"rate": 0.9, "site": site} for site in ("mean", "sample", "input"))), SAMPLED),
    "modality_dropout.rate": Case((0.0, 0.3, 0.9), DROPPED),
    "modality_dropout.warmup.start": Case((0, 1), DROPPED),
    "modality_dropout.warmup.ramp": Case((0, 2), DROPPED),
    "modality_dropout.site": Case(("mean", "sample", "input"), {**DROPPED, **SAMPLED}),
    "modality_dropout.patterns": Case(("subsets", "single", "independent"), DROPPED),
    "modality_dropout.probabilities": Case(
        ({}, {"audio": 0.1}, {"text": 0.1}), {**DROPPED, "modality_dropout.patterns": "independent"}
    ),
    "train.epochs": Case((1, 3)),
    "train.batch_size": Case((12, 16)),
    "train.optimizer": Case(("adamw", "adam", "sgd"), {"train.weight_decay": 0.5}),
    "train.lr": Case((0.01, 0.02)),
    "train.weight_decay": Case((0.0, 0.5)),
    "train.momentum": Case((0.0, 0.9), {"train.optimizer": "sgd"}),
    "train.scheduler": Case((None, {"name": "plateau", "patience": 0}, "cosine"), {**FLAT, "train.epochs": 4}),
    "train.scheduler.plateau.factor": Case((0.1, 0.5), {**FLAT, "train.scheduler.patience": 0}),
    "train.scheduler.plateau.patience": Case((0, 9), FLAT),
    "train.scheduler.plateau.min_lr": Case((0.0, 0.008), {**FLAT, "train.scheduler.patience": 0}),
    "train.scheduler.cosine.min_lr": Case((0.0, 0.008)),
    "train.clip": Case((None, {"limit": 0.01}), PLAIN),
    "train.clip.by": Case(("value", "norm"), {**PLAIN, "train.clip.limit": 0.01}),
    "train.clip.limit": Case((0.01, 0.02), PLAIN),
    "train.patience": Case((None, 1), FLAT),
    "train.min_delta": Case((0.0, 100.0), {**BETTER, "train.patience": 1}),
    "train.select": Case(("mse", "mse * 1")),
}


def parts_of(annotation: Any) -> list[type[Settings]]:
    """The settings inside a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [part for inner in get_args(annotation) for part in parts_of(inner)]


def settings_under(model: type[Settings], path: str = "") -> Iterator[str]:
    """Every setting by its path; what plugins add is tested with them, and the splits are below."""
    for field, info in model.model_fields.items():
        if field == "name" or info.annotation is SplitSpec:
            continue
        here = f"{path}{field}"
        parts = parts_of(info.annotation)
        if not (parts == [info.annotation] and path_goes_on(parts[0])):
            yield here
        many = ".*" if get_origin(info.annotation) is dict else ""
        for part in filter(path_goes_on, parts):
            word = f".{part.model_fields['name'].default}" if len(parts) > 1 else ""
            yield from settings_under(part, f"{here}{many}{word}.")


def path_goes_on(part: type[Settings]) -> bool:
    return not issubclass(part, Spec) or part in (LossSpec, DatasetSpec)


def put(settings: dict[str, Any], path: str, value: Any) -> None:
    """Set `train.clip.limit`; what is a word or nothing on the way becomes a mapping."""
    *way, last = path.split(".")
    for step in way:
        inside = settings.get(step)
        settings[step] = inside = dict(inside) if isinstance(inside, Mapping) else {"name": inside} if inside else {}
        settings = inside
    settings[last] = value


def cell(beside: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The settings of a cell with `value` at `path`."""
    settings: dict[str, Any] = {
        "dataset": {},
        "modalities": NAMES,
        "encoder": everywhere("mlp"),
        "fusion": {"name": "concat", "dropout": 0.0},
        "losses": {"emotion": "cross_entropy", "valence": {"name": "mse"}},
        "train": {"epochs": 3, "batch_size": 16, "lr": 0.01, "scheduler": None, "clip": None},
    }
    for other, said in beside.items():
        put(settings, other, said)
    for kind in ("plateau", "cosine"):
        if f".{kind}." in path:
            put(settings, "train.scheduler.name", kind)
            path = path.replace(f".{kind}", "")
    put(settings, path.replace("*", "valence"), value)
    settings["dataset"] = TinySpec(**settings["dataset"])
    settings["encoder"] = {m: settings["encoder"][m] for m in settings["modalities"]}
    return settings


FOLD = Fold("0", np.arange(48), np.arange(48, 72), {"test": np.arange(72, ROWS)})
Ending = tuple[str, dict[str, bytes]]


@pytest.fixture(scope="module")
def ending(catalogue: Catalogue) -> Callable[..., Ending]:
    """What a trial with these settings comes to; a trial that two cases share is trained once."""
    data, known = TinySpec().load(), dict[str, Ending]()

    def train(settings: Mapping[str, Any], fold: Fold = FOLD, seed: int = 0) -> Ending:
        spec = CellSettings.model_validate(settings, context={"catalogue": catalogue})
        key = json.dumps([spec.resolved(), fold.name, fold.train.tolist(), seed], sort_keys=True)
        if key not in known:
            result = fit(Assignment("a" * 16, "b" * 16, spec, seed, fold), data)
            assert result.state in ("done", "collapsed"), result.message
            curve = [{k: v for k, v in epoch.items() if k not in ("lr", "select")} for epoch in result.curve]
            known[key] = json.dumps(curve), {name: values.tobytes() for name, values in result.predictions.items()}
        return known[key]

    return train


@pytest.mark.parametrize("setting", CASES)
def test_a_setting_that_changes_changes_the_trial(setting: str, ending: Callable[..., Ending]) -> None:
    case = CASES[setting]
    ends = {str(value): ending(cell(case.beside, setting, value)) for value in case.values}
    for (one, first), (other, second) in combinations(ends.items(), 2):
        assert first != second, f"{setting}: '{other}' does what '{one}' does"


def test_every_setting_has_a_case() -> None:
    assert {*settings_under(CellSettings)} == {*CASES}


def test_another_fold_or_seed_is_another_trial(ending: Callable[..., Ending]) -> None:
    settings = cell({}, "train.epochs", 2)
    rolled = Fold("0", np.arange(8, 48), FOLD.valid, FOLD.tests)
    renamed = Fold("1", FOLD.train, FOLD.valid, FOLD.tests)
    ends = [ending(settings), ending(settings, seed=1), ending(settings, rolled), ending(settings, renamed)]
    for first, second in combinations(ends, 2):
        assert first != second


NO_VALID = {"parts": {"train": ["train", "dev"], "valid": ["nobody"]}}
HELD = {
    "by": Case(("row", "class", "group", "group_and_class"), {"test": "fold"}),
    "parts": Case(({}, {"train": ["train", "test_hard"]}), {"test": "official"}),
    "seed": Case((0, 1)),
    "stratify": Case(("emotion", "mood"), {"by": "class", "test": "fold"}),
    "test": Case(("official", "fold")),
    "validation": Case((0.2, 0.4), {"test": "fold"}),
}
SPLITS: dict[str, dict[str, Case]] = {
    "kfold": {**HELD, "folds": Case((2, 3))},
    "holdout": {**HELD, "holdout": Case((0.2, 0.4), {"test": "fold"})},
    "official": {
        "parts": Case(({}, {"train": ["train", "test_hard"]})),
        "seed": Case((0, 1), NO_VALID),
        "validation": Case((0.2, 0.4), NO_VALID),
    },
    "leave_one_group_out": {"seed": Case((0, 1)), "validation": Case((0.2, 0.4))},
}


def folds_of(settings: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The folds of some rows that have groups, two tasks with classes, and official parts."""
    draw, rows = np.random.default_rng(2), 120
    tasks = {name: Task(name, "classes", ("a", "b", "c")) for name in ("emotion", "mood")}
    data = Dataset(
        {"text": np.zeros((rows, 1), np.float32)},
        tasks,
        {name: draw.integers(0, 3, rows) for name in tasks},
        groups=np.array([f"g{group}" for group in draw.integers(0, 12, rows)]),
        split=np.array(["train", "train", "train", "dev", "test", "test_hard"])[np.arange(rows) % 6],
    )
    return [
        (
            fold.name,
            fold.train.tolist(),
            fold.valid.tolist(),
            {name: part.tolist() for name, part in fold.tests.items()},
        )
        for fold in make_folds(SplitSpec.model_validate(settings), data)
    ]


@pytest.mark.parametrize(("scheme", "field"), [(scheme, field) for scheme, cases in SPLITS.items() for field in cases])
def test_a_setting_of_the_splits_changes_the_folds(scheme: str, field: str) -> None:
    case = SPLITS[scheme][field]
    found = {str(value): folds_of({"scheme": scheme, **case.beside, field: value}) for value in case.values}
    for (one, first), (other, second) in combinations(found.items(), 2):
        assert first != second, f"splits.{field}, {scheme}: '{other}' does what '{one}' does"


def test_every_setting_that_a_scheme_reads_has_a_case() -> None:
    for scheme, cases in SPLITS.items():
        said = [
            {"scheme": scheme, **case.beside, field: value} for field, case in cases.items() for value in case.values
        ]
        assert {"scheme", *cases} == {name for spec in said for name in SplitSpec.model_validate(spec).read()}
    assert {"scheme"}.union(*SPLITS.values()) == {*SplitSpec.model_fields}
    schemes = [folds_of({"scheme": scheme}) for scheme in get_args(SplitSpec.model_fields["scheme"].annotation)]
    assert len(schemes) == len(SPLITS)
    assert all(first != second for first, second in combinations(schemes, 2))
