"""Where an absent modality is masked, in words: at the input, at the encoding, in each term, and in the fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .subject import drops_modalities
from .wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...study.settings import CellSettings
    from .absence import Absence


def masked(settings: CellSettings, found: Absence) -> Iterator[tuple[str, dict[str, Any]]]:
    """(sentence, the same as plain values) for all modalities that are alike in this."""
    if len(settings.modalities) == 1:
        return
    alike: dict[str, tuple[list[str], dict[str, Any]]] = {}
    for name in settings.modalities:
        places = _places(settings, found, name)
        alike.setdefault(repr(places), ([], places))[0].append(name)
    for names, places in alike.values():
        who = "an absent modality is" if len(alike) == 1 else f"where absent, {listed(names)} is"
        yield f"{who} {_words(settings, places)}", {"modalities": names, **places}


def _places(settings: CellSettings, found: Absence, name: str) -> dict[str, Any]:
    moved, drop = found.leaks.get(name, ()), settings.modality_dropout
    dropped = drop is not None and drops_modalities(settings) and drop.site != "input"
    return {
        "input": not dropped,
        "encoding": "predictions" not in moved,
        "terms": {term: f"losses.{term}" not in moved for term in found.terms},
        "weight": found.kept.get(name, 0.0) if found.weighs else None,
    }


def _words(settings: CellSettings, places: dict[str, Any]) -> str:
    drop = settings.modality_dropout
    terms = places["terms"]
    held = terms if isinstance(terms, dict) else {}
    where = {"at the input": places["input"], "at the encoding": places["encoding"]}
    clean, leaking = ([f"losses.{term}" for term, ok in held.items() if ok is wanted] for wanted in (True, False))
    yes = [name for name, ok in where.items() if ok]
    no = [name for name, ok in where.items() if not ok]
    if not places["input"] and drop is not None:
        no[0] = f"at the input (dropout takes it away at the {drop.site}, behind its encoder)"
    yes += [f"in every term ({listed(clean)})"] if clean and not leaking else [f"in {name}" for name in clean]
    no += [f"in {name}" for name in leaking]
    parts = [f"masked {listed(yes)}" if yes else "", f"not masked {listed(no)}" if no else ""]
    weight = places["weight"]
    share = f"{100 * weight:.1f} %" if isinstance(weight, float) and weight else "0"
    parts.append("the fusion gives no weights" if weight is None else f"its weight in the fusion is {share}")
    return "; ".join(part for part in parts if part)
