"""The witness: gradients of each term and parameters that nothing moves, seen without changing a number."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from butfor.core import Batch, Dataset, EncoderSpec, LossSpec, Outputs, Shapes, hookimpl
from butfor.core.engine.assignment import Assignment
from butfor.core.engine.checkpoints import Checkpoints
from butfor.core.engine.feed import Feeds
from butfor.core.engine.loop import fit
from butfor.core.engine.merging import union
from butfor.core.engine.model import System
from butfor.core.engine.noise import ServedNoise
from butfor.core.engine.slots import Slots
from butfor.core.engine.witness import Witness, fixed_rows
from butfor.core.results import TrainResult
from butfor.core.splits import Fold
from butfor.core.study.settings import CellSettings

Cells = Callable[..., CellSettings]
Assigned = Callable[..., Assignment]

FULL: dict[str, Any] = {
    "fusion": {"name": "proxy_attention", "proxy": "gated_uncertainty", "dropout": 0.2},
    "encoder": {"name": "variational_mlp", "width": 8, "dropout": 0.3},
    "modality_dropout": {"rate": 0.3, "warmup": 1},
    "losses": {
        "emotion": "cross_entropy",
        "valence": {"name": "mse", "weight": 0.5},
        "kl": {"name": "kl_prior", "weight": 0.01, "warmup": {"start": 1, "ramp": 2}},
        "contrastive": {"name": "info_nce", "weight": 0.1},
    },
}


MLP = {"name": "mlp", "width": 8}


class Sums(nn.Module):
    """A term with a parameter of its own; `tie` says what it hangs on."""

    def __init__(self, tie: str, scale: float, width: int) -> None:
        super().__init__()
        self.tie, self.scale = tie, scale
        self.own = nn.Linear(width, 1)

    def forward(self, outputs: Outputs, batch: Batch) -> Tensor:
        vector = outputs.fused.vector
        if self.tie == "nothing":
            return vector.detach().square().mean()
        if self.tie == "itself":
            return self.own(vector.detach()).square().mean()
        return self.scale * self.own(vector).square().mean()


class SumsSpec(LossSpec):
    """A planted term."""

    name: Literal["sums"] = "sums"
    tie: Literal["nothing", "itself", "system"] = "system"
    scale: float = 1.0

    def build(self, *, shapes: Shapes) -> nn.Module:
        return Sums(self.tie, self.scale, shapes.width)


class Planted:
    """The plugin of the planted terms."""

    @hookimpl
    def register_losses(self) -> Iterable[type[LossSpec]]:
        return [SumsSpec]


def with_term(cell: Cells, **settings: Any) -> CellSettings:
    plain = cell(encoder=MLP)
    return plain.model_copy(update={"losses": {**plain.losses, "planted": SumsSpec(**settings)}})


def looked(curve: Iterable[Any], name: str) -> list[float]:
    return [epoch[name] for epoch in curve]


def trained(one: Assignment, data: Dataset, engine: str, **more: Any) -> TrainResult:
    if engine == "one":
        return fit(one, data, **more)
    return next(iter(Slots([one], Feeds(data), **more).run()))


def numbers(result: TrainResult) -> dict[str, Any]:
    """All of a result but what was looked at, to the bit."""
    curve = [{k: v for k, v in e.items() if not k.startswith(("gradient.", "reach."))} for e in result.curve]
    return {
        "curve": repr(curve),
        "metrics": repr(result.metrics),
        "selected": result.selected_epoch,
        "predictions": {name: values.tobytes() for name, values in result.predictions.items()},
    }


@pytest.mark.parametrize("engine", ["one", "stack"])
def test_looking_changes_no_number_of_the_training(
    cell: Cells, assignment: Assigned, data: Dataset, engine: str
) -> None:
    plain = assignment(cell(**FULL))
    seen, unseen = trained(replace(plain, witness=True), data, engine), trained(plain, data, engine)
    assert numbers(seen) == numbers(unseen)
    assert {"gradient.kl", "reach.emotion"} <= set(seen.curve[0])
    assert not any(name.startswith("gradient.") for name in unseen.curve[0])


def test_both_engines_see_the_same(cell: Cells, assignment: Assigned, data: Dataset) -> None:
    plain = replace(assignment(cell(**FULL)), witness=True)
    one, stacked = trained(plain, data, "one"), trained(plain, data, "stack")
    for mine, theirs in zip(one.curve, stacked.curve, strict=True):
        for name in (name for name in mine if name.startswith(("gradient.", "reach."))):
            assert theirs[name] == pytest.approx(mine[name], rel=1e-3, abs=1e-9)
    assert one.provenance["evidence"] == stacked.provenance["evidence"]


def test_a_look_leaves_mode_gradients_buffers_and_generator_as_they_were(
    cell: Cells, assignment: Assigned, data: Dataset
) -> None:
    plain = assignment(cell(**FULL))
    system = System(plain.settings, data, *plain.stream)
    noise = ServedNoise(*plain.stream, "noise").attach(system)
    feed = Feeds(data).feed(plain.fold, plain.settings.modalities, standardised=False)
    before = {name: value.clone() for name, value in system.state_dict().items()}
    witness = Witness(plain, system, feed, noise.site)
    state = torch.get_rng_state()
    for training in (True, False):
        system.train(training)
        witness.look(3)
        assert all(module.training is training for module in system.modules())
    assert all(p.grad is None for p in system.parameters())
    assert all(torch.equal(value, before[name]) for name, value in system.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_the_norms_are_those_of_the_gradient_of_each_weighted_term(
    float64: None, cell: Cells, assignment: Assigned, data: Dataset
) -> None:
    settings = cell(encoder={"name": "mlp", "width": 8, "dropout": 0.0}, fusion="mean")
    plain = assignment(settings)
    system = System(settings, data, *plain.stream)
    feed = Feeds(data).feed(plain.fold, settings.modalities, standardised=False)
    found = Witness(plain, system, feed, ServedNoise("x").attach(system).site).look(0)
    outputs, seen = system.eval()(feed.batch(fixed_rows(feed, 32, *plain.stream)), 0, 0)
    _, terms = system.terms(outputs, seen)
    for term, weight in (("emotion", 1.0), ("valence", 0.5)):
        system.zero_grad()
        torch.autograd.backward(weight * terms[term], retain_graph=True)
        squares = {n: float(p.grad.square().sum()) for n, p in system.named_parameters() if p.grad is not None}
        inside = sum(value for name, value in squares.items() if name.startswith(("encoder.", "fusion.")))
        assert found[f"gradient.{term}"] == pytest.approx(sum(squares.values()) ** 0.5, rel=1e-10)
        assert found[f"reach.{term}"] == pytest.approx(inside**0.5, rel=1e-10)


@pytest.mark.parametrize("engine", ["one", "stack"])
def test_a_term_without_gradient_one_that_reaches_only_itself_and_one_that_dominates_are_seen(
    cell: Cells, assignment: Assigned, data: Dataset, engine: str
) -> None:
    def curve(**settings: Any) -> Any:
        return trained(replace(assignment(with_term(cell, **settings)), witness=True), data, engine).curve

    nothing, itself, giant = curve(tie="nothing"), curve(tie="itself"), curve(scale=1e6)
    assert set(looked(nothing, "gradient.planted")) == {0.0}
    assert set(looked(itself, "reach.planted")) == {0.0}
    assert all(value > 0 for value in looked(itself, "gradient.planted"))
    assert giant[0]["gradient.planted"] > 1e3 * giant[0]["gradient.emotion"]


def test_a_term_that_is_still_held_at_zero_has_no_gradient_yet(
    cell: Cells, assignment: Assigned, data: Dataset
) -> None:
    curve = trained(replace(assignment(cell(**FULL)), witness=True), data, "one").curve
    kl = looked(curve, "gradient.kl")
    assert kl[:2] == [0.0, 0.0]
    assert kl[2] > 0


def test_the_fixed_rows_have_labels_of_every_task_and_all_modalities_where_such_rows_are(
    cell: Cells, data: Dataset, fold: Fold
) -> None:
    feed = Feeds(data).feed(fold, ("audio", "text"), standardised=False)
    rows = fixed_rows(feed, 32, 0, "0")
    assert len(rows) == len(set(rows.tolist())) == 32
    assert bool(feed.present[rows].all())
    assert bool(feed.labelled["valence"][rows].all())
    assert set(rows.tolist()) <= set(fold.train.tolist())


@pytest.mark.parametrize("engine", ["one", "stack"])
@pytest.mark.parametrize(
    "train",
    [
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "adam", "weight_decay": 0.1},
        {"optimizer": "adam", "weight_decay": 0.0},
        {"optimizer": "sgd", "weight_decay": 0.1},
        {"optimizer": "sgd", "weight_decay": 0.0},
        {"optimizer": "sgd", "weight_decay": 0.0, "momentum": 0.0},
    ],
    ids=lambda train: "-".join(f"{value}" for value in train.values()),
)
def test_parameters_that_nothing_moved_are_named_whatever_decays_them(
    cell: Cells, assignment: Assigned, data: Dataset, engine: str, train: dict[str, Any]
) -> None:
    settings = with_term(cell, tie="nothing")
    more = {"epochs": 2, "batch_size": 32, "lr": 0.01, "scheduler": None, **train}
    settings = CellSettings.model_validate({**dict(settings), "train": more}, context={"catalogue": None})
    seen = trained(assignment(settings), data, engine).provenance["evidence"]
    assert seen["unmoved"] == {"losses.planted.own.weight": 8, "losses.planted.own.bias": 1}
    exact = train["optimizer"] == "adamw" or (not train["weight_decay"] and train.get("momentum", 1))
    assert seen["looked_at"] == ("every step" if exact else "the last step of every epoch")


def test_queries_and_keys_of_an_attention_with_one_key_never_move(
    cell: Cells, assignment: Assigned, data: Dataset
) -> None:
    unmoved = trained(assignment(cell(**FULL)), data, "stack").provenance["evidence"]["unmoved"]
    assert unmoved
    assert all(name.startswith("fusion.") for name in unmoved)
    plain = trained(assignment(cell(encoder=MLP)), data, "stack").provenance["evidence"]
    assert plain == {"unmoved": {}}


class FrozenSpec(EncoderSpec):
    """An encoder whose first layer is frozen."""

    name: Literal["frozen"] = "frozen"

    def build(self, *, features: int) -> nn.Module:
        from butfor.core import Encoded

        class Frozen(nn.Module):
            def __init__(self, width: int) -> None:
                super().__init__()
                self.first = nn.Linear(features, width).requires_grad_(requires_grad=False)
                self.second = nn.Linear(width, width)

            def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
                mean = self.second(self.first(x))
                return Encoded(mean, None, mean, None)

        return Frozen(self.width)


@pytest.mark.parametrize("engine", ["one", "stack"])
def test_what_is_frozen_is_told_apart_from_what_never_moved(
    cell: Cells, assignment: Assigned, data: Dataset, engine: str
) -> None:
    plain = cell()
    settings = plain.model_copy(update={"encoder": dict.fromkeys(plain.modalities, FrozenSpec(width=8))})
    seen = trained(assignment(settings), data, engine).provenance["evidence"]
    assert seen == {"unmoved": {}, "frozen": {"encoder.audio": 56, "encoder.text": 56}}


@pytest.mark.parametrize("engine", ["one", "stack"])
def test_a_look_that_fails_costs_no_trial(
    cell: Cells, assignment: Assigned, data: Dataset, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no view")

    monkeypatch.setattr(Witness, "look", broken)
    plain = assignment(cell())
    seen = trained(replace(plain, witness=True), data, engine)
    assert seen.provenance["evidence"]["witness"] == "RuntimeError: no view"
    assert numbers(seen) == numbers(trained(plain, data, engine))


@pytest.mark.parametrize("engine", ["one", "stack"])
def test_a_trial_that_goes_on_from_the_disk_saw_the_same(
    cell: Cells, assignment: Assigned, data: Dataset, engine: str, tmp_path: Path
) -> None:
    plain = replace(assignment(cell(**FULL)), witness=True)
    whole = trained(plain, data, engine)
    short = replace(
        plain,
        settings=plain.settings.model_copy(update={"train": plain.settings.train.model_copy(update={"epochs": 2})}),
    )
    checkpoints = Checkpoints(str(tmp_path), every=0.0)
    trained(short, data, engine, checkpoints=checkpoints)
    again = trained(plain, data, engine, checkpoints=checkpoints)
    assert again.provenance["resumed_at"] >= 1
    assert repr(again.curve) == repr(whole.curve)


def test_a_trial_that_shares_a_program_with_others_is_seen_as_when_alone(
    cell: Cells, assignment: Assigned, data: Dataset
) -> None:
    cells = [cell(encoder=MLP, fusion="mean"), cell(encoder=MLP, fusion="mean", modalities=("text",))]
    cells.append(cells[0].model_copy(update={"losses": {"emotion": cells[0].losses["emotion"]}}))
    asked = [replace(assignment(one), key=str(number), witness=True) for number, one in enumerate(cells)]
    whole = union(cells)
    assert whole is not None
    together = {result.key: result for result in Slots(asked, Feeds(data), whole=whole).run()}
    for one in asked:
        alone = fit(one, data)
        shared = together[one.key]
        assert shared.provenance["evidence"] == alone.provenance["evidence"] == {"unmoved": {}}
        for mine, theirs in zip(alone.curve, shared.curve, strict=True):
            assert mine.keys() == theirs.keys()
            for name in (name for name in mine if name.startswith("gradient.")):
                assert theirs[name] == pytest.approx(mine[name], rel=1e-3, abs=1e-9)
