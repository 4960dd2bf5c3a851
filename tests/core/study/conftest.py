"""A small catalogue of made-up components, and a study that uses them."""

from __future__ import annotations

from typing import ClassVar, Literal

import pytest
from pydantic import Field, PrivateAttr, model_validator

from butfor.core import DatasetSpec, EncoderSpec, FusionSpec, Knob, LossSpec, component, knob
from butfor.core.catalogue import Catalogue, Entry
from butfor.core.study.study import Study


class Toy(DatasetSpec):
    name: Literal["toy"] = "toy"
    path: str = ""
    rows: int = Field(default=100, ge=4)
    modalities: tuple[str, ...] = ("text", "audio", "video")
    _folder: object = PrivateAttr(default=None)

    def model_post_init(self, context: object, /) -> None:
        self._folder = context["folder"] if context else None

    def modality_names(self):
        return self.modalities

    def load(self):
        raise AssertionError("no study is loaded while it is read")


class _Encoder(EncoderSpec):
    dropout: Knob = knob(0.0, ge=0, lt=1)
    skip: bool = True

    def build(self, *, features):
        raise AssertionError(features)


class Mlp(_Encoder):
    name: Literal["mlp"] = "mlp"
    needs: ClassVar = frozenset({"utterance"})


class Vmlp(_Encoder):
    name: Literal["vmlp"] = "vmlp"
    variant: Literal["v4", "deep"] = "v4"
    gives: ClassVar = frozenset({"variance"})


class Lstm(_Encoder):
    name: Literal["lstm"] = "lstm"
    layers: int = Field(default=1, ge=1)
    needs: ClassVar = frozenset({"frames"})
    gives: ClassVar = frozenset({"sequence"})


class _Fusion(FusionSpec):
    def build(self, *, modalities, width):
        raise AssertionError(modalities, width)


class Concat(_Fusion):
    name: Literal["concat"] = "concat"


class LowRank(_Fusion):
    name: Literal["low_rank"] = "low_rank"
    rank: int = Field(default=4, ge=1)


class Gated(_Fusion):
    name: Literal["gated"] = "gated"
    gate_alpha: Knob = knob(0.5, ge=0, le=1)
    temperature: Knob = knob(1.0, gt=0)
    needs: ClassVar = frozenset({"variance"})


class Uncertainty(_Fusion):
    name: Literal["uncertainty"] = "uncertainty"
    score: Literal["inverse", "precision"] = "inverse"
    needs: ClassVar = frozenset({"variance"})


class Aligned(_Fusion):
    name: Literal["aligned"] = "aligned"
    needs: ClassVar = frozenset({"sequence"})


class Proxy(_Fusion):
    name: Literal["proxy"] = "proxy"
    proxy: FusionSpec = component("gated")
    heads: int = Field(default=4, ge=1)
    limit: float | Literal["none"] = 1.0

    @model_validator(mode="after")
    def _even(self):
        if self.heads % 2:
            raise ValueError("`heads` must be even")
        return self


class _Loss(LossSpec):
    task: str | None = None

    def build(self, *, shapes):
        raise AssertionError(shapes)


class Ce(_Loss):
    name: Literal["ce"] = "ce"
    smoothing: Knob = knob(0.0, ge=0, le=1)
    class_weights: tuple[float, ...] | None = None
    needs: ClassVar = frozenset({"classes"})


class Mse(_Loss):
    name: Literal["mse"] = "mse"
    needs: ClassVar = frozenset({"values"})


class Kl(_Loss):
    name: Literal["kl"] = "kl"
    needs: ClassVar = frozenset({"variance"})


class Nce(_Loss):
    name: Literal["nce"] = "nce"
    temperature: Knob = knob(0.07, gt=0)


SPECS = (Toy, Mlp, Vmlp, Lstm, Concat, LowRank, Gated, Uncertainty, Aligned, Proxy, Ce, Mse, Kl, Nce)

BASE = """\
study: demo
dataset: {name: toy}
splits: {folds: 5}
seeds: 2
baseline:
  encoder: {name: vmlp, dropout: 0.3}
  fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}
  modality_dropout: {rate: 0.2, warmup: 20}
  losses:
    emotion: {name: ce}
    kl: {name: kl, weight: 0.01}
    contrastive: {name: nce, weight: 0.1}
  train: {epochs: 20, lr: 1e-3}
"""


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    entries = {(spec.kind, spec.model_fields["name"].default): spec for spec in SPECS}
    return Catalogue({key: Entry(spec, "butfor", "0", f"digest of {key[1]}") for key, spec in entries.items()})


@pytest.fixture
def base() -> str:
    return BASE


@pytest.fixture
def parse(catalogue):
    """Parse the base study with `ablations` (indented by nothing) added, or a whole text."""

    def call(ablations: str = "", *, text: str = "", **options) -> Study:
        body = "".join(f"  {line}\n" for line in ablations.splitlines())
        return Study.parse(text or BASE + (f"ablations:\n{body}" if body else ""), catalogue, "study.yaml", **options)

    return call


@pytest.fixture
def rows(parse):
    """{label: what differs} of the only design of a study."""

    def call(ablations: str, **options) -> dict[str, dict]:
        study = parse(ablations, **options)
        (design,) = study.designs
        return {row.label: dict(study.cell(row.cell).differs) for row in design.rows}

    return call
