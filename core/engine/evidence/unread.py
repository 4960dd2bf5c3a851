"""Settings that a study sets and that cannot matter: nobody reads them, or what is read moves nothing."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ...specs import Spec
from ...study.tree import lookup
from ..structure import components
from .answer import answer
from .course import dropout
from .harder import seen_again
from .influence import holder
from .subject import drops_modalities
from .wording import listed
from .written import written_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...evidence import Evidence, Question
    from ...study.cell import Cell
    from .influence import Influences
    from .prober import Prober
    from .written import Use

_MOST = 6
"""Different surroundings in which a setting is tried before it is said to do nothing in them."""
_AGAIN = 3
"""Surroundings of these that are looked at a second time."""


def idle_settings(prober: Prober, influences: Influences, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """What is written and does nothing in any cell that has it."""
    known = [cell for cell in cells if prober.trace(cell) is not None]
    for uses in written_settings(known):
        if all(_is_unread(prober, use) for use in uses):
            yield from _unread(influences, uses)
        elif uses[0].component == "modality_dropout":
            yield from _patterns(uses)
        else:
            yield from _without_influence(influences, uses)
    yield from _swallowed(prober, known)
    yield from _idle_dropout(prober, known)


def _is_unread(prober: Prober, use: Use) -> bool:
    found = prober.trace(use.cell)
    return found is not None and use.inner in found.unread.get(use.component, ())


def _unread(influences: Influences, uses: Sequence[Use]) -> Iterator[Evidence]:
    """What nobody read, and what moves nothing: it may have been read where nobody looks, when it was checked, say."""
    first = uses[0]
    spec = dict(components(first.cell.settings))[first.component]
    held, name = holder(first.cell, first.path)
    extra = held is not None and name in (held.model_extra or {})
    if not extra and any(_moves(influences, use) for use in _surroundings(uses)):
        return
    said = f"has no such setting, and takes it{nearest(name, held or spec)}" if extra else "never reads it"
    told = f"no code reads '{first.inner}': {spec.kind} '{spec.name}' {said}"
    yield from each(uses, "unread setting", told, "BF704")


def nearest(name: str, held: BaseModel) -> str:
    """What was perhaps meant, of what `held` has."""
    near = difflib.get_close_matches(name, [field for field in type(held).model_fields if field != "name"], n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _moves(influences: Influences, use: Use) -> bool:
    found = influences.of(use.cell, use.path)
    return bool(found.moved) or (found.none and influences.beyond(use.cell, use.path))


def _without_influence(influences: Influences, uses: Sequence[Use]) -> Iterator[Evidence]:
    looked, some = _surroundings(uses), list[Any]()
    for use in looked:
        found = influences.of(use.cell, use.path)
        if not found.none:
            yield from _as_default(influences, looked)
            return
        some += [value for value in found.tried if value not in some]
    name = uses[0].path.rpartition(".")[2]
    if any(influences.beyond(use.cell, use.path) for use in looked[:_AGAIN]):
        told = f"'{name}' does nothing at first: it acts in other epochs, with other noise or with larger numbers"
        yield from each(uses, "setting without influence", told, "")
        return
    told = f"'{name}' does nothing here: with {listed(map(str, some), 3)} the same is computed"
    yield from each(uses, "setting without influence", told, "BF705")


def _as_default(influences: Influences, uses: Sequence[Use]) -> Iterator[Evidence]:
    """Choices whose default would do just the same."""
    defaults = [influences.same_as_default(use.cell, use.path) for use in uses]
    if defaults and all(default is not None for default in defaults):
        held, name = holder(uses[0].cell, uses[0].path)
        told = f"'{name}: {getattr(held, name)}' does just what the default '{defaults[0]}' does here"
        yield from each(uses, "setting without influence", told, "BF705")


def _surroundings(uses: Sequence[Use]) -> list[Use]:
    """Uses in systems that differ around the setting, a few of many."""
    found: dict[str, Use] = {}
    for use in uses:
        settings = use.cell.resolved
        top = use.path.split(".")[0]
        around = settings[top] if top != "losses" else settings["losses"][use.path.split(".")[1]]
        found.setdefault(repr((around, settings["latent"], use.path, len(use.cell.settings.modalities))), use)
    every = list(found.values())
    return every if len(every) <= _MOST else every[:: -(-len(every) // _MOST)]


def _patterns(uses: Sequence[Use]) -> Iterator[Evidence]:
    """Patterns of modality dropout that take away what the default takes away."""
    if uses[0].inner != "patterns":
        return
    for use in uses:
        settings = use.cell.settings
        drop, told = settings.modality_dropout, dropout(settings)
        if drop is None or told is None or drop.patterns == "subsets":
            return
        default = settings.model_copy(update={"modality_dropout": drop.model_copy(update={"patterns": "subsets"})})
        if dropout(default) != told:
            return
    num = len(uses[0].cell.settings.modalities)
    said = f"'patterns' does just what the default 'subsets' does with {num} modalities"
    yield from each(uses, "setting without influence", said, "BF705")


def _swallowed(prober: Prober, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """Keys that a spec, or a group of settings in one, takes and throws away."""
    for cell in cells:
        for path, spec in (("dataset", cell.settings.dataset), *components(cell.settings)):
            for inner, held in _groups(path, spec):
                for name in _lost(cell, inner, held):
                    if prober.changed(cell, f"{inner}.{name}", None) == cell.settings:
                        said = f"{spec.kind} '{spec.name}' has no such setting, and takes it{nearest(name, held)}"
                        told = f"no code reads '{f'{inner}.{name}'.removeprefix(f'{path}.')}': {said}"
                        yield answer(cell, "unread setting", told, (f"{inner}.{name}",), "BF704")


def _groups(path: str, held: BaseModel) -> Iterator[tuple[str, BaseModel]]:
    """Settings with the groups of settings in them, at any depth, but for components of their own."""
    yield path, held
    for name in type(held).model_fields:
        value = getattr(held, name)
        if isinstance(value, BaseModel) and not isinstance(value, Spec):
            yield from _groups(f"{path}.{name}", value)


def _lost(cell: Cell, path: str, held: BaseModel) -> list[str]:
    node = lookup(cell.node, path) if type(held).model_config.get("extra") == "ignore" else None
    return sorted(set(node.children) - set(type(held).model_fields)) if node is not None else []


def _idle_dropout(prober: Prober, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """Modality dropout that takes modalities away where nobody looks."""
    on = [cell for cell in cells if drops_modalities(cell.settings)]
    for cell in on:
        found = prober.trace(cell)
        if found is None or found.dropping or any(later.dropping for later in seen_again(prober, cell)):
            continue
        ways: Mapping[str, Any] = {"modality_dropout.site": "mean", "latent": "sample"}
        would = [f"`{path}: {value}`" for path, value in ways.items() if _would_drop(prober, cell, path, value)]
        hint = f"; with {' or '.join(would)} it would" if would else ""
        drop = cell.settings.modality_dropout
        told = (
            f"modality dropout does nothing: what it takes away at the {drop.site if drop else ''} nobody reads{hint}"
        )
        yield answer(cell, "setting without influence", told, ("modality_dropout.site",), "BF705")


def _would_drop(prober: Prober, cell: Cell, path: str, value: object) -> bool:
    settings = prober.changed(cell, path, value)
    found = None if settings is None else prober.trace(cell, settings)
    return found is not None and found.dropping


def each(uses: Sequence[Use], question: Question, message: str, code: str) -> Iterator[Evidence]:
    """One answer for each cell whose file says the setting."""
    for use in {use.cell.key: use for use in reversed(uses) if use.is_written}.values():
        yield answer(use.cell, question, message, (use.path,), code)
