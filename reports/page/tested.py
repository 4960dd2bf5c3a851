"""Tests under conditions as plain tables: the metric of each system, and what its fusion made of each modality."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.conditions import split_and_condition
from ..blocks import summarise
from ..conditions import in_words
from ..measured import raw
from ..numerals import ABSENT, digits, heading, numeral, scale
from ..plots.weights import weighted
from ..text import plain
from .parts import Listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.study.plan import PlannedMetric
    from ..material import Material
    from ..table import Table


def conditions(material: Material) -> list[Listing]:
    """The first metric of each table under every condition of its split; tables that would list the same share one."""
    listings, seen = [], set[tuple[object, ...]]()
    for table, named in material.named:
        splits = [name for name in material.splits if split_and_condition(name)[0] == table.split]
        rows = [row for row in table.rows if not row.condition]
        if not table.metrics or len(splits) <= 1:
            continue
        metric = raw(table.metrics[0])
        same = (table.split, metric.name, table.percent, table.decimals, *(row.cell for row in rows))
        if same not in seen:
            seen.add(same)
            fields = tuple(
                (row.label, *(_mean_sd(material, table, metric, row.cell, split) for split in splits)) for row in rows
            )
            headings = ("System", *(in_words(split_and_condition(split)[1]) for split in splits))
            unit = " (%)" if table.percent and metric.rate else ""
            caption = f"{named}: {heading(metric.name)}{unit} under each condition, {table.split} split"
            listings.append(Listing(caption, headings, fields, tight=True))
    return listings


def _mean_sd(material: Material, table: Table, metric: PlannedMetric, cell: str, split: str) -> str:
    factor, places = scale(metric, percent=table.percent), digits(metric, table.decimals, percent=table.percent)
    mean, sd, _ = summarise(material.blocks(cell, split, metric.name).values())
    if mean is None:
        return ABSENT
    return numeral(mean * factor, places) + ("" if sd is None else f" ± {numeral(sd * factor, places)}")


def fusion_weights(material: Material) -> list[Listing]:
    """Mean weight of each modality, of each system under each condition."""
    listings = []
    for table, _, found in weighted(material):
        modalities = list(dict.fromkeys(name for _, shares in found for some in shares.values() for name in some))
        under = list(dict.fromkeys(condition for _, shares in found for condition in shares))
        rows = tuple(
            (row.label, *(_weights(modalities, shares.get(condition, {})) for condition in under))
            for row, shares in found
        )
        order = " / ".join(plain(name) for name in modalities)
        caption = f"{heading(table.name)}: mean fusion weights of {order}, {table.split} split"
        listings.append(Listing(caption, ("System", *map(in_words, under)), rows, tight=True))
    return listings


def _weights(modalities: list[str], weights: Mapping[str, float]) -> str:
    if not weights:
        return ABSENT
    return " / ".join(ABSENT if name not in weights else numeral(weights[name], 2) for name in modalities)
