"""False alarms are as bad as misses: every claim of no effect is held against real training, bit for bit."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butfor.core.engine.assignment import Assignment
from butfor.core.engine.evidence.before import evidence_before
from butfor.core.engine.evidence.prober import Prober
from butfor.core.engine.loop import fit
from butfor.core.errors import StudyError
from butfor.core.evidence import Evidence
from butfor.core.study.cell import Cell
from butfor.core.study.proof import findings_of
from butfor.core.study.study import Study

PLANTED = {"name": "planted", "rows": 120, "features": 8, "classes": 3, "groups": 8}
FRAMES = PLANTED | {"frames": 4}
CONDITIONS = [
    None,
    {"missing": {"rates": [0.5]}},
    {"missing": {"rates": [0.1], "patterns": "each"}},
    {"noise": {"levels": [0.5]}},
]
FOUR = {"text": 0.4, "audio": 0.3, "video": 0.2, "pose": 0.1}
DATA = [PLANTED, PLANTED, PLANTED | {"missing": 0.2}, PLANTED | {"modalities": FOUR}]
WRONG = {"BF701", "BF702", "BF703", "BF704", "BF705", "BF706", "BF708", "BF710", "BF712", "BF713"}


def component(kind: str, name: str) -> dict:
    """A baseline in which the component stands with its defaults, and what it needs."""
    encoder = {"name": "variational_mlp", "width": 8}
    fusion: object = "concat"
    losses: dict[str, object] = {"emotion": "cross_entropy"}
    data = PLANTED
    if kind == "encoder":
        encoder = {"name": name, "width": 8}
        data = FRAMES if name in {"lstm", "mean_pool", "variational_lstm"} else PLANTED
    elif kind == "fusion":
        fusion = name
    else:
        losses |= {"extra": {"name": name} | ({"task": "valence"} if name in {"mse", "mae", "smooth_l1"} else {})}
    return {
        "study": "one",
        "dataset": data,
        "splits": "official",
        "seeds": 5,
        "baseline": {
            "encoder": encoder,
            "fusion": fusion,
            "losses": losses,
            "train": {"epochs": 3, "batch_size": 16},
        },
        "ablations": {
            "a": {"one_at_a_time": {"modalities": [["text", "audio"], ["video", "text"]], "head.dropout": [0.5]}},
            "b": {"leave_one_out": ["losses.extra"] if kind == "loss" else []},
        },
    }


def registered(catalogue) -> list[tuple[str, str]]:
    return [(kind, name) for kind in ("encoder", "fusion", "loss") for name in catalogue.names(kind)]


@pytest.mark.parametrize("conditions", CONDITIONS[:2])
def test_no_registered_component_at_its_defaults_is_accused(conditions, catalogue, shelf) -> None:
    for kind, name in registered(catalogue):
        text = component(kind, name) | {"evaluate": conditions}
        if not text["ablations"]["b"]["leave_one_out"]:
            del text["ablations"]["b"]
        study = Study.from_settings(text, catalogue)
        prober = Prober(shelf, catalogue)
        assert all(prober.trace(cell) is not None for cell in study.cells), (name, list(prober.traces.values()))
        found = findings_of(study, evidence_before(study, catalogue, shelf))
        assert [str(finding) for finding in found if finding.code in WRONG] == [], f"{kind} '{name}'"


EMOTION = [
    "cross_entropy",
    {"name": "cross_entropy", "smoothing": 0.1},
    {"name": "cross_entropy", "smoothing": 0.1, "smoothing_mode": "k_minus_1"},
    {"name": "cross_entropy", "smoothing_mode": "k_minus_1"},
    {"name": "focal", "gamma": 0.0},
    {"name": "focal", "focal_on": "per_class"},
    {"name": "focal", "smoothing": 0.1, "focal_on": "per_class"},
    {"name": "focal", "weight_normalize": True},
    {"name": "focal", "weight_normalize": True, "alpha": [1.0, 2.0, 3.0]},
]
POOL: dict[str, list] = {
    "fusion": [
        "mean",
        "concat",
        "low_rank",
        "tensor",
        "attention",
        "uncertainty",
        {"name": "uncertainty", "mask_mode": "sigma_1e6"},
        {"name": "uncertainty", "score": "precision"},
        "gated_uncertainty",
        "product_of_experts",
        "norm",
        {"name": "proxy_attention", "dropout": 0.0, "heads": 2},
        {"name": "proxy_attention", "dropout": 0.0, "heads": 4},
        {"name": "proxy_attention", "kv_mode": "joint", "heads": 2},
        {"name": "proxy_attention", "kv_mode": "joint", "heads": 4},
    ],
    "losses.emotion": EMOTION,
    "losses.valence": ["mse", {"name": "mse", "weight": 0}, "smooth_l1", {"name": "mse", "warmup": 2}],
    "losses.kl": [{"name": "kl_prior"}, {"name": "kl_prior", "weight": 0}]
    + [{"name": "kl_prior", "free_bits": bits} for bits in (0.01, 0.5, 1.0, 5.0)],
    "losses.near": ["info_nce", {"name": "info_nce", "direction": "uni"}, {"name": "info_nce", "learnable": True}],
    "encoder.dropout": [0.0, 0.2, 0.21],
    "encoder.width": [1, 2, 8],
    "latent": ["mean", "sample"],
    "head.dropout": [0.0, 0.3],
    "modality_dropout": [
        None,
        {"rate": 0.15},
        {"rate": 0.16},
        {"rate": 0.15, "patterns": "single"},
        {"rate": 0.15, "site": "sample"},
        {"rate": 0.15, "site": "input"},
        {"rate": 0.15, "warmup": 9},
        {"rate": 0.0},
    ],
    "modalities": [["text", "audio", "video"], ["text", "audio"], ["video"]],
    "train.optimizer": ["adamw", "adam", "sgd"],
    "train.weight_decay": [0.0, 0.01],
    "train.patience": [None, 1, 50],
    "train.batch_size": [16, 500, 900],
    "train.scheduler": [None, {"name": "plateau", "patience": 0}, {"name": "plateau", "patience": 40}, "cosine"],
    "train.epochs": [1, 2],
    "train.select": ["weighted_f1", "2 * weighted_f1"],
    "train.clip": [None, {"by": "norm", "limit": 0.1}],
}
REMOVABLE = ("losses.valence", "losses.kl", "losses.near", "modality_dropout")


@st.composite
def studies(draw: st.DrawFn) -> dict:
    """A random baseline, and cells that each change one or two settings."""
    some = {
        path: draw(st.sampled_from(POOL[path])) for path in draw(st.sets(st.sampled_from(sorted(POOL)), max_size=6))
    }
    baseline: dict = {
        "encoder": {"name": "variational_mlp", "width": 8, "dropout": 0.0},
        "fusion": "mean",
        "losses": {"emotion": "cross_entropy"},
        "train": {"epochs": 3, "batch_size": 16, "lr": 0.01},
    }
    for path, value in some.items():
        inside = baseline
        *way, last = path.split(".")
        for step in way:
            inside = inside.setdefault(step, {})
        inside[last] = value
    cells = []
    for number in range(draw(st.integers(1, 3))):
        chosen = draw(st.sets(st.sampled_from(sorted(POOL)), min_size=1, max_size=2))
        said = {
            path: draw(st.sampled_from([*POOL[path], *([None] if path in some and path in REMOVABLE else [])]))
            for path in sorted(chosen)
        }
        cells.append({"label": f"cell {number}", "set": said})
    return {
        "study": "random",
        "dataset": draw(st.sampled_from(DATA)),
        "splits": "official",
        "seeds": 5,
        "evaluate": draw(st.sampled_from(CONDITIONS)),
        "baseline": baseline,
        "ablations": {"a": {"cells": cells}},
    }


Trainer = Callable[[Cell, tuple], tuple]


def trainer(shelf) -> Trainer:
    """What training a cell comes to, bit for bit; a cell is trained once."""
    known: dict[object, tuple] = {}

    def train(cell, conditions) -> tuple:
        key = (cell.key, conditions)
        if key not in known:
            data = shelf.data(cell.settings.dataset, cell.folder)
            fold = shelf.folds(cell.settings.dataset, cell.settings.splits, cell.folder)[0]
            result = fit(Assignment("a" * 16, cell.key, cell.settings, 0, fold, conditions), data)
            curve = [
                {name: value for name, value in epoch.items() if name.startswith("loss")} for epoch in result.curve
            ]
            predictions = {name: values.tobytes() for name, values in result.predictions.items()}
            under = {
                f"{split} {name}": value
                for split, metrics in result.metrics.items()
                for name, value in metrics.items()
                if "@" in split
            }
            known[key] = json.dumps(curve), predictions, under
        return known[key]

    return train


@pytest.fixture(scope="module")
def judged(faulty, shelf) -> Callable:
    """What is wrongly said, and what is not said, of a study."""
    trained = trainer(shelf)

    def judge(text: dict) -> tuple[list[str], list[str]]:
        study = Study.from_settings(text, faulty)
        found = evidence_before(study, faulty, shelf)
        return list(false_claims(study, found, trained)), list(missed_claims(study, found, trained))

    return judge


def claims_of(found: Iterable[Evidence]) -> dict[tuple[str, str], object]:
    """{cells: the code of what is said of them}."""
    return {(one.other, one.cell): one.details.get("code") for one in found if one.question == "same computation"}


def false_claims(study: Study, found: Iterable[Evidence], trained: Trainer) -> Iterator[str]:
    """Cells that are called the same and train differently."""
    claims = claims_of(found)
    for first, other in combinations(study.cells, 2):
        claim = claims.get((first.key, other.key))
        if claim not in ("BF701", "BF702"):
            continue
        one, two = (trained(cell, study.conditions) for cell in (first, other))
        if not (one == two if claim == "BF701" else predict_alike(one, two)):
            yield f"{claim}: {first.label} {dict(first.differs)} and {other.label} {dict(other.differs)}"


def predict_alike(one: tuple, two: tuple) -> bool:
    """Whether predictions and scores that both have are equal."""
    return all(
        mine[name] == theirs[name]
        for mine, theirs in zip(one[1:], two[1:], strict=True)
        for name in mine.keys() & theirs.keys()
    )


def missed_claims(study: Study, found: Iterable[Evidence], trained: Trainer) -> Iterator[str]:
    """Cells that train the same, and nothing says so of either."""
    claims = claims_of(found)
    for first, other in combinations(study.cells, 2):
        if (first.key, other.key) in claims and claims[first.key, other.key] in ("BF701", "BF702"):
            continue
        if not any(path.startswith("train.") for path in (*first.differs, *other.differs)):
            both = {pair for pair in claims if pair[1] in (first.key, other.key) and claims[pair] in WRONG}
            if not both and trained(first, study.conditions) == trained(other, study.conditions):
                yield f"{first.label} {dict(first.differs)} and {other.label} {dict(other.differs)}"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=studies())
def test_what_is_called_the_same_trains_the_same_and_nothing_else_does(text, judged) -> None:
    try:
        false, missed = judged(text)
    except StudyError:
        return
    assert (false, missed) == ([], []), text


def test_what_selects_the_only_epoch_changes_no_prediction(judged) -> None:
    text = component("fusion", "mean")
    text["baseline"]["train"]["epochs"] = 1
    text["ablations"] = {"a": {"one_at_a_time": {"train.select": ["2 * weighted_f1"]}}}
    assert judged(text) == ([], [])
