"""Schedules that had not let their part take full effect when the selected weights were trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.specs import Warmup
from .seen import counted, evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.evidence import Evidence, Mark
    from .seen import Seen

_KEYS = {"start", "ramp"}
_PARTS = ("encoder", "fusion", "losses", "modality_dropout")


def schedules(settings: Mapping[str, Any]) -> dict[str, Warmup]:
    """{path: schedule} of the resolved settings of a cell; none of a part whose weight or rate is 0."""
    found: dict[str, Warmup] = {}

    def walk(path: str, value: object) -> None:
        if not isinstance(value, dict):
            return
        if set(value) == _KEYS and all(isinstance(number, int) for number in value.values()):
            found[path] = Warmup.model_validate(value)
        elif 0 not in (value.get("weight"), value.get("rate")):
            for name, inner in value.items():
                walk(f"{path}.{name}", inner)

    for part in _PARTS:
        walk(part, settings.get(part))
    return found


def reached(schedule: Warmup, selected: Sequence[int]) -> list[float]:
    """The highest factor of a schedule among the epochs that each trial's selected weights were trained in."""
    return [max((schedule.factor(epoch) for epoch in range(last + 1)), default=0.0) for last in selected]


def schedule_evidence(seen: Seen) -> Iterator[Evidence]:
    """Of each cell, schedules that were not at their end in some trial, of its own and of what it removes."""
    base = _partial(seen, seen.plan.baseline)
    for cell in seen.done:
        own = _partial(seen, cell)
        for path, factors in own.items():
            part = path.rpartition(".")[0]
            mark: Mark = _mark(factors) if seen.touches(cell, part) else ""
            yield evidence(
                cell,
                "schedule",
                "during",
                f"{part}: {_told(factors)} at the selected epoch",
                mark,
                paths=(path,),
                code="BF722" if seen.concerns(cell, part) else "",
                numbers={"factors": factors, "share": _share(factors)},
            )
        for path, factors in base.items():
            part = path.rpartition(".")[0]
            if path not in schedules(seen.cells[cell].settings) and seen.touches(cell, part):
                yield evidence(
                    cell,
                    "schedule",
                    "during",
                    f"{part}, which {seen.label(seen.plan.baseline)} has: {_told(factors)} at the selected epoch, so "
                    "the difference to it shows less than all of it",
                    _mark(factors),
                    other=seen.plan.baseline,
                    paths=(path,),
                    code="BF722",
                    numbers={"factors": factors, "share": _share(factors)},
                )


def _partial(seen: Seen, cell: str) -> dict[str, list[float]]:
    """{path: factor of each trial} of the schedules that were below 1 in some trial."""
    selected = [trial.selected_epoch for trial in seen.done.get(cell, ())]
    found = {path: reached(warmup, selected) for path, warmup in schedules(seen.cells[cell].settings).items()}
    return {path: factors for path, factors in found.items() if factors and min(factors) < 1}


def _share(factors: Sequence[float]) -> float:
    return round(sum(factor < 1 for factor in factors) / len(factors), 4)


def _mark(factors: Sequence[float]) -> Mark:
    return "½" if any(factors) else "⊘"


def _told(factors: Sequence[float]) -> str:
    short = [factor for factor in factors if factor < 1]
    if not any(factors):
        return f"its schedule kept it at zero in all of {counted(len(factors), 'trial')}"
    return (
        f"its schedule was not at its end in {len(short)} of {counted(len(factors), 'trial')} "
        f"({100 * len(short) / len(factors):.0f} %; least {100 * min(short):.0f} % of its effect)"
    )
