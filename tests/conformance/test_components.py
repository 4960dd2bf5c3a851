"""Every registered component keeps the contract, the moment it is registered."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from butfor.core.catalogue import Catalogue, Entry
from butfor.core.specs import DatasetSpec, EncoderSpec, FusionSpec, LossSpec, Spec
from butfor.core.testing import check_dataset, check_encoder, check_fusion, check_loss, check_spec
from butfor.registry import assemble

CATALOGUE: Catalogue = assemble()
CHECKS: dict[str, tuple[type[Spec], Callable[[Any], None]]] = {
    "dataset": (DatasetSpec, check_dataset),
    "encoder": (EncoderSpec, check_encoder),
    "fusion": (FusionSpec, check_fusion),
    "loss": (LossSpec, check_loss),
}
NEED_A_FILE = {"features"}


def small(kind: str, entry: Entry) -> Spec:
    """The component at its defaults, at a width that keeps the suite quick."""
    settings: dict[str, Any] = {"name": entry.name}
    if kind == "encoder":
        settings["width"] = 8
    return CATALOGUE.make(CHECKS[kind][0] if kind in CHECKS else entry.spec, settings)


def every(*kinds: str) -> list[Any]:
    return [
        pytest.param(kind, entry, id=f"{kind}-{entry.name}") for kind, entry in CATALOGUE if not kinds or kind in kinds
    ]


@pytest.mark.parametrize(("kind", "entry"), every())
def test_the_spec_is_documented_frozen_and_plain(kind: str, entry: Entry) -> None:
    check_spec(small(kind, entry))


@pytest.mark.parametrize(("kind", "entry"), every("dataset", "encoder", "fusion", "loss"))
def test_the_component_keeps_the_contract_of_its_kind(kind: str, entry: Entry) -> None:
    if entry.name in NEED_A_FILE:
        pytest.skip("needs a file; tests/plugins/datasets makes some")
    CHECKS[kind][1](small(kind, entry))


@pytest.mark.parametrize(("kind", "entry"), every())
def test_a_citation_is_bibtex(kind: str, entry: Entry) -> None:
    paper = entry.spec.paper
    assert not paper or re.match(r"\s*@\w+\{[\w:-]+,", paper)
    assert paper.count("{") == paper.count("}")


@pytest.mark.parametrize(("kind", "entry"), every())
def test_the_file_is_named_like_the_plugin(kind: str, entry: Entry) -> None:
    assert entry.spec.__module__.rpartition(".")[2] == entry.name
