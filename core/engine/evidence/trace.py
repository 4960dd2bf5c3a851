"""What a system computes on fixed batches, as hashes: two systems with one trace compute the same there."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from ...errors import TrainingError
from ..structure import components
from .digests import digest
from .reads import Reads
from .subject import Subject, active_terms, drops_modalities, forced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from ...study.settings import CellSettings
    from .subject import Ground, Shot

WEIGHTS = "weights of modalities"


@dataclass(frozen=True)
class Trace:
    """What a system computes in training and in evaluation."""

    parameters: str
    """Hash of all parameters as they are initialised."""
    inputs: str
    """Hash of the batches."""
    first: str
    """Hash of predictions and terms of the first batch in training."""
    trained: Mapping[str, str]
    """{task: hash of its predictions in training}, and that of the modalities' `WEIGHTS` where there are any."""
    evaluated: Mapping[str, str]
    """The same in evaluation."""
    tested: Mapping[str, Mapping[str, str]]
    """{what tests have that training rows have not: the same in evaluation of such rows}."""
    heads: Mapping[str, frozenset[str]]
    """{term: tasks whose head it trains}."""
    values: Mapping[str, str]
    """{term: hash of its values in training}."""
    gradients: Mapping[str, str]
    """{term: hash of its gradients that are not zero}; empty where it has none."""
    sizes: Mapping[str, int]
    """{parameter: how many numbers it has}."""
    alive: frozenset[str]
    """Parameters that some term has a gradient for."""
    dropping: bool
    """Whether it makes a difference that modality dropout takes modalities away."""
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """{path of a component: its settings that nobody read}."""

    def same_parts(self, other: Trace) -> dict[str, bool]:
        """Whether the parts of two traces are equal."""
        return {
            "parameters": self.parameters == other.parameters,
            "training": (self.inputs, self.trained, self.values, self.gradients, self.dropping)
            == (other.inputs, other.trained, other.values, other.gradients, other.dropping),
            "evaluation": self.evaluated == other.evaluated,
            "tests": self.tested == other.tested,
        }

    def equals(self, other: Trace) -> bool:
        """Whether nothing differs."""
        return all(self.same_parts(other).values())


def program(settings: CellSettings, ground_key: str) -> str:
    """What decides a trace: cells with one program share it. Not part of it: weights, schedules, how it is trained."""
    resolved = settings.resolved()
    active, drop = active_terms(settings), settings.modality_dropout
    parts: dict[str, Any] = {name: resolved[name] for name in ("modalities", "encoder", "fusion", "latent", "head")}
    parts["losses"] = [
        [term, term in active, {name: value for name, value in spec.items() if name not in ("weight", "warmup")}]
        for term, spec in resolved["losses"].items()
    ]
    parts["dropout"] = drop.site if drop is not None and drops_modalities(settings) else None
    parts["epochs"] = settings.train.epochs
    return json.dumps([ground_key, parts])


def trace(settings: CellSettings, ground: Ground, *, dropping: bool | None = None) -> tuple[Trace, Subject]:
    """The trace of a cell's system, and the system. Raises whatever its parts raise.

    `dropping` says whether modality dropout makes a difference, where that is known.
    """
    reads = Reads()
    with reads:
        subject = Subject(settings, ground)
        initial = digest(subject.system.named_parameters())
        subject.move()
        batches = subject.batches
        drops = drops_modalities(settings)
        shots = [subject.take(b, n, left=forced(b.present) if drops else None) for n, b in enumerate(batches)]
        _check_finite(shots)
        gradients = [_gradients(subject, shot) for shot in shots]
        if dropping is None or not drops:
            dropping = drops and _dropping(subject, shots[0], gradients[0])
        with torch.no_grad():
            evaluated = [subject.take(ground.whole(), training=False)]
            tested = {kind: subject.take(batch, training=False) for kind, batch in ground.tests().items()}
    found = Trace(
        parameters=initial,
        inputs=digest(pair for batch in batches for pair in _named_inputs(batch.features, batch.present)),
        first=_of_first(shots[0]),
        trained=_of_outputs(shots),
        evaluated=_of_outputs(evaluated),
        tested={kind: _of_outputs([shot]) for kind, shot in tested.items()},
        heads={term: _heads(term, gradients) for term in settings.losses},
        values={term: digest((term, shot.terms[term]) for shot in shots) for term in settings.losses},
        gradients={term: _of_gradients(term, gradients) for term in settings.losses},
        sizes={name: p.numel() for name, p in subject.system.named_parameters() if p.requires_grad},
        alive=frozenset(name for of_shot in gradients for found in of_shot.values() for name in found),
        dropping=dropping,
        unread=dict(_unread(settings, reads)),
    )
    return found, subject


def is_plainly_other(settings: CellSettings, ground: Ground, base: Trace) -> bool:
    """Whether the first pass alone shows that a system with these settings computes something else than `base`."""
    subject = Subject(settings, ground)
    if digest(subject.system.named_parameters()) != base.parameters:
        return True
    subject.move()
    batch = subject.batches[0]
    left = forced(batch.present) if drops_modalities(settings) else None
    return _of_first(subject.take(batch, left=left)) != base.first


def _of_first(shot: Shot) -> str:
    return digest([*predicted(shot), *shot.terms.items()])


def _unread(settings: CellSettings, reads: Reads) -> Iterator[tuple[str, tuple[str, ...]]]:
    for path, spec in components(settings):
        found = tuple(".".join(inner) for inner in reads.unread(spec))
        if found:
            yield path, found


def _named_inputs(features: Mapping[str, Tensor], present: Tensor) -> list[tuple[str, Tensor]]:
    return [*features.items(), ("present", present)]


def _of_outputs(shots: Sequence[Shot]) -> dict[str, str]:
    found: dict[str, list[tuple[str, Tensor]]] = {}
    for name, values in (pair for shot in shots for pair in predicted(shot)):
        found.setdefault(name, []).append((name, values))
    return {name: digest(pairs) for name, pairs in found.items()}


def _heads(term: str, gradients: Sequence[Mapping[str, Mapping[str, Tensor]]]) -> frozenset[str]:
    names = (name for of_shot in gradients for name in of_shot.get(term, {}))
    return frozenset(name.split(".")[1] for name in names if name.startswith("head."))


def predicted(shot: Shot) -> list[tuple[str, Tensor]]:
    """(task, predictions) of a pass, and the weights of the modalities where the fusion gives some."""
    weights = shot.outputs.fused.weights
    return [*shot.outputs.predictions.items(), *([] if weights is None else [(WEIGHTS, weights)])]


def _gradients(subject: Subject, shot: Shot) -> dict[str, dict[str, Tensor]]:
    """{term: {parameter: its gradient}} of the gradients that are not zero."""
    named = {name: p for name, p in subject.system.named_parameters() if p.requires_grad}
    found: dict[str, dict[str, Tensor]] = {}
    for term, value in shot.terms.items():
        if not value.requires_grad or term not in subject.active:
            continue
        given: Sequence[Tensor | None] = torch.autograd.grad(
            value, list(named.values()), retain_graph=True, allow_unused=True
        )
        sizes = {name: float(grad.abs().sum()) for name, grad in zip(named, given, strict=True) if grad is not None}
        if not all(map(math.isfinite, sizes.values())):
            raise TrainingError(f"the gradient of '{term}' is not finite")
        found[term] = {name: grad for name, grad in zip(named, given, strict=True) if grad is not None and sizes[name]}
    return found


def _check_finite(shots: Sequence[Shot]) -> None:
    """Raises TrainingError: what is not finite can be told from nothing."""
    for shot in shots:
        for name, values in (*predicted(shot), *shot.terms.items()):
            if not bool(torch.isfinite(values).all()):
                raise TrainingError(f"{name} is not finite")


def _of_gradients(term: str, gradients: Sequence[Mapping[str, Mapping[str, Tensor]]]) -> str:
    found = [pair for of_shot in gradients for pair in of_shot.get(term, {}).items()]
    return digest(found) if found else ""


def _dropping(subject: Subject, dropped: Shot, gradients: dict[str, dict[str, Tensor]]) -> bool:
    """Whether the first pass would have given something else with all modalities left."""
    whole = subject.take_alone(subject.batches[0])
    if _of_outputs([whole]) != _of_outputs([dropped]) or digest(whole.terms.items()) != digest(dropped.terms.items()):
        return True
    grads = _gradients(subject, whole)
    return any(_of_gradients(term, [grads]) != _of_gradients(term, [gradients]) for term in whole.terms)
