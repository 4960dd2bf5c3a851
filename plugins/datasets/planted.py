"""Planted data: modalities, classes and a valence whose truth is known, so that an ablation can be held against it.

Every sample has a class, a tone (a number) and, where `interaction` is on, hidden signs. A modality of share s shows the
class as one of C equally distant corners, and the tone, both `signal * sqrt(s)` long in noise of standard deviation 1:
shares are shares of the squared distance between classes, and share 0 carries nothing. The signs are coins in one
modality of `pair`; the other shows each coin turned over or not, as the class says. Neither shows anything of the class
by itself, and no sum of what each shows does: only a product does. Draws have streams of their own, so that one
modality's settings leave the others' numbers as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from ...core import Dataset, DatasetSpec, Task, hookimpl, numpy_stream
from ...core.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

Rate = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Width = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]

EMOTIONS = ("anger", "disgust", "fear", "sadness", "surprise", "joy")
SPAN, LEVEL, TONE, CHANCE = 3.0, 1.5, 0.5, 0.25
"""Valence in [-SPAN, SPAN]: LEVEL x (-1 for the first class to 1 for the last) + TONE x the tone + CHANCE x noise."""


class PlantedSpec(DatasetSpec):
    """Generate data with a known truth. Source of the defaults: tuned until planted gaps stood clear (docs/planted.md)."""

    name: Literal["planted"] = "planted"

    rows: int = Field(default=1200, ge=4)
    """N, samples of all parts together."""

    seed: int = 0
    """Seed of the data; the trials' seeds have no part in them."""

    modalities: dict[str, Amount] = Field(default={"audio": 0.3, "text": 0.7, "video": 0.0}, min_length=1)
    """{modality: share of the signal}, in the order of the data. Shares need not sum to 1; 0 carries nothing."""

    signal: float = Field(default=3.0, ge=0)
    """Length of the class's and of the tone's mark for share 1, in standard deviations of the noise."""

    interaction: float = Field(default=1.5, ge=0)
    """Length of each hidden sign in the modalities of `pair`, in the same unit; 0 plants no interaction."""

    pair: tuple[str, str] | None = None
    """The two modalities of the interaction; null takes the two of the largest shares, if there are two."""

    features: Width | dict[str, Width] = 24
    """D, for all modalities or for each (24 where one is left out)."""

    frames: Count | dict[str, Count] = 0
    """T: 0 gives utterances (N, D), else (N, T, D) with T/2 to T valid frames whose mean is the utterance's row."""

    classes: int = Field(default=6, ge=2)
    """C, of the task `emotion`; six bear the names of emotions, from unpleasant to pleasant."""

    imbalance: float = Field(default=2.0, ge=1)
    """Size of the largest class over that of the smallest, in equal ratios between; before label noise."""

    label_noise: Rate = 0.05
    """Share of rows whose class label is a wrong one, all wrong ones alike."""

    missing: Rate | dict[str, Rate] = 0.0
    """Share of rows in which a modality is absent, for all or for each (0 where one is left out)."""

    noisy: Rate | dict[str, Rate] = 0.15
    """Share of rows in which a modality drowns in added noise, for all or for each (0 where one is left out)."""

    noise_scale: float = Field(default=3.0, ge=0)
    """Standard deviation of the added noise; it shows in the size of the row's features."""

    valence: bool = True
    """Whether there is a task `valence`: a value in [-3, 3] that follows the class and the tone."""

    unlabelled: Rate = 0.0
    """Share of rows without a valence label."""

    nuisance: bool = False
    """Whether there is a task `nuisance`: standard normal values that nothing predicts."""

    groups: Count = 24
    """Speakers, of equal numbers of rows; 0 for none. No group lies in two parts of the official split."""

    group_offset: float = Field(default=0.5, ge=0)
    """Standard deviation of each speaker's own shift of every feature."""

    valid_share: Rate = 0.15
    """Share of the groups (of the rows, without groups) in part `valid` of the official split."""

    test_share: Rate = 0.25
    """The same for part `test`; the rest is `train`."""

    @model_validator(mode="after")
    def _possible(self) -> PlantedSpec:
        """Raises ValueError for settings that no data can have, with the setting's name and what would do."""
        problems = [*_wrong_names(self), *_wrong_sizes(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def modality_names(self) -> tuple[str, ...]:
        """In the order of `modalities`."""
        return tuple(self.modalities)

    def class_names(self) -> tuple[str, ...]:
        """In the order of their numbers."""
        return EMOTIONS if self.classes == len(EMOTIONS) else tuple(f"class_{c}" for c in range(self.classes))

    def interacting(self) -> tuple[str, str] | None:
        """The modality with the coins and the one with the turned coins, or None where no interaction is planted."""
        ranked = sorted(self.modalities, key=lambda m: -self.modalities[m])
        if self.interaction == 0 or len(ranked) < 2:  # noqa: PLR2004 - a pair
            return None
        return self.pair or (ranked[0], ranked[1])

    def load(self) -> Dataset:
        """Generate the data; a few hundredths of a second for the defaults."""
        hidden = _hide(self)
        views = {m: _show(self, hidden, m) for m in self.modalities}
        shaped = {m: _frame(self, m, view.rows) for m, view in views.items()}
        tasks = {task.name: (task, target) for task, target in _tasks(self, hidden)}
        known = _some(numpy_stream("planted", self.seed, "unlabelled"), self.rows, 1 - self.unlabelled)
        if self.valence:
            tasks["valence"] = (tasks["valence"][0], np.where(known, tasks["valence"][1], 0).astype(np.float32))
        return Dataset(
            features={m: x for m, (x, _) in shaped.items()},
            lengths={m: lengths for m, (_, lengths) in shaped.items()},
            present={m: view.present for m, view in views.items()},
            tasks={name: task for name, (task, _) in tasks.items()},
            targets={name: target for name, (_, target) in tasks.items()},
            labelled={"valence": known} if self.valence else {},
            groups=np.char.mod("speaker_%02d", hidden.unit) if self.groups else None,
            split=_split(self)[hidden.unit],
            ids=np.char.mod("row_%05d", np.arange(self.rows)),
        )

    def truth(self) -> dict[str, Any]:
        """What was planted, as JSON values: shares, nulls, the interaction, class frequencies, and accuracy ceilings.

        `ceilings` are accuracies on these very rows of the classifier that knows the generator and every speaker's
        shift: with all modalities, without and with only each of them, and blind to the interaction (`additive`).
        """
        hidden, names, pair = _hide(self), list(self.modalities), self.interacting()
        views = {m: _show(self, hidden, m) for m in names}
        total = sum(self.modalities.values()) or 1.0
        counts = np.bincount(hidden.clean, minlength=self.classes) / self.rows
        wrong = self.label_noise / (self.classes - 1)
        return {
            "shares": {m: share / total for m, share in self.modalities.items()},
            "nulls": [m for m, share in self.modalities.items() if share * self.signal == 0 and m not in (pair or ())],
            "interaction": {"pair": list(pair), "signs": _codes(self.classes).shape[1]} if pair else None,
            "frequencies": dict(zip(self.class_names(), counts.tolist(), strict=True)),
            "valence_noise": CHANCE**2,
            "ceilings": {
                "labels": max(1 - self.label_noise, wrong),
                "all": _ceiling(self, hidden, views),
                "additive": _ceiling(self, hidden, views, interaction=False),
                "without": {m: _ceiling(self, hidden, {n: views[n] for n in names if n != m}) for m in names},
                "only": {m: _ceiling(self, hidden, {m: views[m]}) for m in names},
            },
        }


class _Hidden(NamedTuple):
    """What the samples are, before any modality shows them."""

    clean: Ints
    """(N,) true classes."""
    labels: Ints
    """(N,) classes as labelled."""
    tone: Floats
    """(N,)."""
    coins: Floats
    """(N, K) signs."""
    unit: Ints
    """(N,) group of each row; without groups, the row."""


class _View(NamedTuple):
    """What one modality shows."""

    rows: Floats
    """(N, D); zeros where absent."""
    seen: Floats
    """(N, C + 1 + K): the rows without the speaker's shift, turned back to class, tone and signs; zeros where absent."""
    spread: Floats
    """(N,) standard deviation of the noise."""
    present: Mask
    """(N,)."""


def _each(setting: Any, modality: str, otherwise: float) -> Any:  # noqa: ANN401 - an int or a float, as the field says
    return setting.get(modality, otherwise) if isinstance(setting, dict) else setting


def _some(stream: np.random.Generator, rows: int, rate: float) -> Mask:
    """(N,): true in exactly round(rate x N) rows, and in more of the same when the rate grows."""
    return stream.permutation(rows) < round(rate * rows)


def _codes(classes: int) -> Floats:
    """(C, K) signs: rows of a Hadamard matrix without its constant column, so that any two differ in (K + 1) / 2."""
    size = 1 << (classes - 1).bit_length()
    parity = [[(c & k).bit_count() % 2 for k in range(1, size)] for c in range(classes)]
    return 1.0 - 2.0 * np.array(parity)


def _hide(spec: PlantedSpec) -> _Hidden:
    def stream(purpose: str) -> np.random.Generator:
        return numpy_stream("planted", spec.seed, purpose)

    shares = spec.imbalance ** -(np.arange(spec.classes) / (spec.classes - 1))
    edges = np.round(np.cumsum(stream("sizes").permutation(shares / shares.sum())) * spec.rows)
    clean = np.searchsorted(edges, stream("classes").permutation(spec.rows), side="right").astype(np.int64)
    shift = stream("wrong").integers(1, spec.classes, spec.rows)
    labels = (clean + np.where(_some(stream("label noise"), spec.rows, spec.label_noise), shift, 0)) % spec.classes
    coins = 1.0 - 2.0 * stream("coins").integers(0, 2, (spec.rows, _codes(spec.classes).shape[1]))
    order = stream("groups").permutation(spec.rows)
    return _Hidden(clean, labels, stream("tone").normal(size=spec.rows), coins, order % (spec.groups or spec.rows))


def _show(spec: PlantedSpec, hidden: _Hidden, modality: str) -> _View:
    def stream(purpose: str) -> np.random.Generator:
        return numpy_stream("planted", spec.seed, purpose, modality)

    length, pair = spec.signal * spec.modalities[modality] ** 0.5, spec.interacting() or ("", "")
    turned = _codes(spec.classes)[hidden.clean] if modality == pair[1] else 1.0
    signs = spec.interaction * hidden.coins * turned * (modality in pair)
    marks = np.hstack([length * np.eye(spec.classes)[hidden.clean], length * hidden.tone[:, None], signs])
    width = _each(spec.features, modality, 24)
    axes = np.linalg.qr(stream("axes").normal(size=(width, marks.shape[1])))[0].T
    drowned = _some(stream("noisy"), spec.rows, _each(spec.noisy, modality, 0.0))[:, None]
    noise = stream("noise").normal(size=(spec.rows, width))
    noise += drowned * spec.noise_scale * stream("added noise").normal(size=(spec.rows, width))
    present = ~_some(stream("missing"), spec.rows, _each(spec.missing, modality, 0.0))
    rows = (marks @ axes + noise) * present[:, None]
    offsets = spec.group_offset * stream("offsets").normal(size=(spec.groups or 1, width)) * (spec.groups > 0)
    shifted = rows + offsets[hidden.unit % (spec.groups or 1)] * present[:, None]
    return _View(shifted, rows @ axes.T, np.hypot(1.0, drowned[:, 0] * spec.noise_scale), present)


def _frame(spec: PlantedSpec, modality: str, rows: Floats) -> tuple[NDArray[np.float32], Ints]:
    """(N, D) as it is, or spread over (N, T, D) frames whose deviations from the row sum to zero; and the lengths."""
    steps = _each(spec.frames, modality, 0)
    if not steps:
        return rows.astype(np.float32), np.ones(len(rows), np.int64)
    stream = numpy_stream("planted", spec.seed, "frames", modality)
    lengths = stream.integers((steps + 1) // 2, steps + 1, len(rows))
    valid = (np.arange(steps) < lengths[:, None])[..., None] & (rows != 0).any(axis=1)[:, None, None]
    jitter = stream.normal(size=(len(rows), steps, rows.shape[1])) * valid
    jitter -= jitter.sum(axis=1, keepdims=True) / lengths[:, None, None]
    return ((rows[:, None, :] + jitter) * valid).astype(np.float32), lengths


def _tasks(spec: PlantedSpec, hidden: _Hidden) -> Iterator[tuple[Task, NDArray[np.generic]]]:
    yield Task("emotion", "classes", spec.class_names()), hidden.labels
    if spec.valence:
        chance = numpy_stream("planted", spec.seed, "valence").normal(size=spec.rows)
        level = LEVEL * np.linspace(-1, 1, spec.classes)[hidden.clean]
        value = np.clip(level + TONE * hidden.tone + CHANCE * chance, -SPAN, SPAN)
        yield Task("valence", "values", span=SPAN), value.astype(np.float32)
    if spec.nuisance:
        value = numpy_stream("planted", spec.seed, "nuisance").normal(size=spec.rows)
        yield Task("nuisance", "values"), value.astype(np.float32)


def _parts(spec: PlantedSpec) -> tuple[int, int, int]:
    """Numbers of groups (of rows, without groups) in train, valid and test."""
    units = spec.groups or spec.rows
    valid, test = (max(1, round(units * share)) if share else 0 for share in (spec.valid_share, spec.test_share))
    return units - valid - test, valid, test


def _split(spec: PlantedSpec) -> NDArray[np.str_]:
    """(G,) or (N,): the part of each group, or of each row."""
    parts = np.repeat(np.array(["train", "valid", "test"]), _parts(spec))
    return numpy_stream("planted", spec.seed, "split").permutation(parts)


def _ceiling(spec: PlantedSpec, hidden: _Hidden, views: dict[str, _View], *, interaction: bool = True) -> float:
    """Accuracy, on the labels, of the class of the highest posterior given `views`."""
    counts = np.bincount(hidden.clean, minlength=spec.classes)
    score = np.tile(np.log(np.maximum(counts, 1e-9)), (spec.rows, 1))
    for modality, view in views.items():
        length = spec.signal * spec.modalities[modality] ** 0.5
        score += length * view.seen[:, : spec.classes] / view.spread[:, None] ** 2
    pair = spec.interacting()
    if interaction and pair and set(pair) <= set(views):
        coins, turned = (views[m].seen[:, spec.classes + 1 :] / views[m].spread[:, None] ** 2 for m in pair)
        both = coins[:, None, :] + _codes(spec.classes) * turned[:, None, :]
        score += np.logaddexp(spec.interaction * both, -spec.interaction * both).sum(axis=2)
    return float((score.argmax(axis=1) == hidden.labels).mean())


def _wrong_names(spec: PlantedSpec) -> Iterator[str]:
    names = list(spec.modalities)
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            yield f"modalities: '{name}' is not a name; use letters, digits, _ and -"
    for field in ("features", "frames", "missing", "noisy", "pair"):
        value = getattr(spec, field)
        for name in value if isinstance(value, dict | tuple) else ():
            if name not in spec.modalities:
                yield f"{field}: unknown modality '{name}'; {nearest(name, names)}"
    if spec.pair and spec.pair[0] == spec.pair[1]:
        yield f"pair: '{spec.pair[0]}' twice; an interaction needs two modalities"
    if spec.interaction and len(names) < 2 and "interaction" in spec.model_fields_set:  # noqa: PLR2004 - a pair
        yield f"interaction: {spec.interaction:g} needs two modalities, and there is one; add one or set it to 0"


def _wrong_sizes(spec: PlantedSpec) -> Iterator[str]:
    needed = spec.classes + 1 + _codes(spec.classes).shape[1]
    for name in spec.modalities:
        width = _each(spec.features, name, 24)
        if width < needed:
            yield f"features: {width} of '{name}' are too few for {spec.classes} classes; at least {needed}"
    if spec.groups > spec.rows:
        yield f"groups: {spec.groups} speakers for {spec.rows} rows; at most one for each row"
    if min(_parts(spec)) < 0 or _parts(spec)[0] < 1:
        train, valid, test = _parts(spec)
        yield (
            f"groups, valid_share, test_share: {valid} valid and {test} test of {train + valid + test} leave nothing "
            "to train on; use more groups or smaller shares"
        )


@hookimpl
def register_datasets() -> Iterable[type[DatasetSpec]]:
    """Offer `planted`."""
    return [PlantedSpec]
