"""Parameters that no gradient moved in any trial of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .seen import counted, evidence, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.evidence import Evidence
    from ...core.results import TrainResult
    from .seen import Seen


def unmoved_evidence(seen: Seen) -> Iterator[Evidence]:
    """One record for each cell that has such parameters; `½` where a part that the cell is about has no others."""
    for cell, trials in seen.done.items():
        told = [trial.provenance["evidence"] for trial in trials if "evidence" in trial.provenance]
        names = _in_all([one["unmoved"] for one in told])
        if not names:
            continue
        whole = [part for part in told[0].get("whole", ()) if all(part in one.get("whole", ()) for one in told)]
        number, total = sum(names.values()), _parameters(trials)
        share = f" of {total:,} ({100 * number / total:.1f} %)" if total else ""
        groups = listed([f"{name} ({size:,})" for name, size in _modules(names).items()])
        still = [part for part in whole if seen.touches(cell, part)]
        message = f"{counted(number, 'parameter')}{share} never moved from initialisation: {groups}"
        if still:
            message += f"; {listed(still)} was not trained at all"
        yield evidence(
            cell,
            "unmoved parameters",
            "during",
            message,
            "½" if still else "",
            paths=tuple(still),
            code="BF723" if still else "",
            numbers={
                "names": names,
                "elements": number,
                "looked_at": told[0].get("looked_at", ""),
                "whole": whole,
            },
        )


def _in_all(found: Sequence[Mapping[str, int]]) -> dict[str, int]:
    if not found:
        return {}
    return {name: size for name, size in found[0].items() if all(name in one for one in found)}


def _parameters(trials: Sequence[TrainResult]) -> int:
    total = trials[0].provenance.get("parameters", 0)
    return total if isinstance(total, int) else 0


def _modules(names: Mapping[str, int]) -> dict[str, int]:
    """{module: elements}: weights and biases of a layer together."""
    found: dict[str, int] = {}
    for name, size in names.items():
        module = name.rpartition(".")[0] or name
        found[module] = found.get(module, 0) + size
    return found
