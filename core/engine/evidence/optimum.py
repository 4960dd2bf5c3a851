"""Label smoothing that another part of its term undoes: where does the term want the label's probability to be?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ..structure import components
from .answer import answer
from .subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from ...evidence import Evidence
    from ...study.cell import Cell
    from .prober import Prober

_NAMES = ("smoothing", "label_smoothing")
_POINTS = 40
_FARTHEST = 9.0
"""Logarithm of the largest odds looked at: p of the label = .9999."""


def undone_smoothing(prober: Prober, cells: Sequence[Cell]) -> Iterator[Evidence]:
    """Terms with label smoothing whose optimum is p = 1 all the same."""
    known: dict[str, float] = {}
    for cell in cells:
        if prober.trace(cell) is None:
            continue
        for path, spec in components(cell.settings):
            name = next((name for name in _NAMES if isinstance(getattr(spec, name, None), float)), "")
            if spec.kind != "loss" or not name or getattr(spec, name) <= 0 or path.count(".") != 1:
                continue
            key = f"{prober.ground(cell).key} {spec.resolved()}"
            if key not in known:
                known[key] = _optimum(cell, prober, path.partition(".")[2])
            if known[key] > 1 - getattr(spec, name) / 10:
                yield _evidence(cell, f"{path}.{name}", getattr(spec, name), known[key])


def _optimum(cell: Cell, prober: Prober, term: str) -> float:
    try:
        return _best(Subject(cell.settings, prober.ground(cell)), term)
    except Exception:  # noqa: BLE001 - a plugin's term may mind predictions made up for it: then nothing is said of it
        return 0.0


def _best(subject: Subject, term: str) -> float:
    """The probability of the label at which the term is lowest; 0 where it reads no classes."""
    shot = subject.take(subject.batches[0], training=False)
    predictions = shot.outputs.predictions
    tasks = [task for task in predictions if subject.system.classes[task]]
    best = (float("inf"), 0.0)
    with torch.no_grad():
        for step in range(_POINTS + 1):
            odds = torch.tensor(_FARTHEST * step / _POINTS)
            made = {task: _certain(predictions[task], shot.batch.targets[task], odds) for task in tasks}
            outputs = shot.outputs._replace(predictions={**predictions, **made})
            value = float(subject.system.losses[term](outputs, shot.batch))
            best = min(best, (value, float(torch.sigmoid(odds))))
    return best[1] if tasks else 0.0


def _certain(values: Tensor, targets: Tensor, odds: Tensor) -> Tensor:
    """Logits (B, C) that give every label the probability 1 / (1 + exp(-odds)), and the rest alike to the others."""
    height = odds + torch.log(torch.tensor(float(max(values.shape[-1] - 1, 1))))
    return torch.zeros_like(values).scatter(-1, targets[:, None], float(height))


def _evidence(cell: Cell, path: str, smoothing: float, best: float) -> Evidence:
    message = (
        f"a smoothing of {smoothing:g} holds nothing back: the term is lowest where p of the label is "
        f"{best:.4g}, not {1 - smoothing:g}"
    )
    return answer(cell, "setting without influence", message, (path,), "BF709", optimum=best)
