"""Planted data: modalities, classes and a valence whose truth is known, so that an ablation can be held against it.

Every sample has a class, a tone (a number) and, where `interaction` is on, hidden signs. A modality of share s shows
the class as one of C equally distant corners, and the tone, both `signal * sqrt(s)` long in noise of standard deviation
1: shares are shares of the squared distance between classes, and share 0 carries nothing. The signs are coins in one
modality of `pair`; the other shows each coin turned over or not, as the class says. Neither shows anything of the class
by its signs, and no sum of what each shows does: only a product does. Draws have streams of their own, so that one
modality's settings leave the others' numbers as they are.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ...core import Dataset, DatasetSpec, Task, hookimpl, numpy_stream
from ...core.errors import nearest
from .planted_signal import Hidden, Look, View, ceiling, codes, hide, marks, show, some, unroll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

Rate = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]
Width = Annotated[int, Field(ge=1, le=4_096)]
Count = Annotated[int, Field(ge=0, le=100_000)]

NAMES = {4: ("anger", "sadness", "neutral", "joy"), 6: ("anger", "disgust", "fear", "sadness", "surprise", "joy")}
SPAN, LEVEL, TONE, CHANCE = 3.0, 1.5, 0.5, 0.25
"""Valence in [-SPAN, SPAN]: LEVEL x (-1 for the first class to 1 for the last) + TONE x the tone + CHANCE x noise."""


class PlantedSpec(DatasetSpec):
    """Generate data with a known truth. Source of all defaults: butfor's own, chosen so that planted gaps stand out."""

    name: Literal["planted"] = "planted"

    rows: int = Field(default=1600, ge=4, le=100_000)
    """N, samples of all parts together."""

    seed: int = 0
    """Seed of the data; the trials' seeds have no part in them."""

    modalities: dict[str, Amount] = Field(default={"audio": 0.4, "text": 0.6, "video": 0.0}, min_length=1)
    """{modality: share of the signal}, in the order of the data. Shares need not sum to 1; 0 carries nothing."""

    signal: float = Field(default=2.7, ge=0)
    """Length of the class's and of the tone's mark for share 1, in standard deviations of the noise."""

    interaction: float = Field(default=2.5, ge=0)
    """Length of each hidden sign in both modalities of `pair`, in the same unit; 0, or one modality, plants none."""

    pair: tuple[str, str] | None = None
    """The two modalities of the interaction; null takes the two of the largest shares."""

    features: Width | dict[str, Width] = Field(default_factory=dict)
    """D, for all modalities or for each; where one is left out, 4 if it carries nothing, else 16, or what is needed."""

    frames: Count | dict[str, Count] = 0
    """T, for all or for each: 0 (or left out) gives utterances (N, D), else (N, T, D) with T/2 to T valid frames, whose
    mean is the utterance's row."""

    classes: int = Field(default=4, ge=2, le=256)
    """C, of the task `emotion`; four and six bear the names of emotions, from unpleasant to pleasant."""

    imbalance: float = Field(default=2.0, ge=1)
    """Size of the largest class over that of the smallest, in equal ratios between; before label noise."""

    label_noise: Rate = 0.05
    """Share of rows whose class label is a wrong one, all wrong ones alike."""

    missing: Rate | dict[str, Rate] = 0.0
    """Share of rows in which a modality is absent, for all or for each (0 where one is left out)."""

    noisy: Rate | dict[str, Rate] = 0.1
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

    group_offset: float = Field(default=0.3, ge=0)
    """Standard deviation of each speaker's own shift of every feature; without groups there is none."""

    valid_share: Rate = 0.15
    """Share of the groups (of the rows, without groups) in part `valid` of the official split."""

    test_share: Rate = 0.25
    """The same for part `test`; the rest is `train`."""

    @model_validator(mode="after")
    def _possible(self) -> PlantedSpec:
        """Raises ValueError for settings that no data can have: which setting, and what would do."""
        problems = [*_wrong_names(self)] or [*_wrong_sizes(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def modality_names(self) -> tuple[str, ...]:
        """In the order of `modalities`."""
        return tuple(self.modalities)

    def class_names(self) -> tuple[str, ...]:
        """In the order of their numbers."""
        return NAMES.get(self.classes) or tuple(f"class_{c}" for c in range(self.classes))

    def interacting(self) -> tuple[str, str] | None:
        """The modality with the coins and the one with the turned coins; None where no interaction is planted."""
        ranked = sorted(self.modalities, key=lambda m: -self.modalities[m])
        if self.interaction == 0 or len(ranked) == 1:
            return None
        return self.pair or (ranked[0], ranked[1])

    def load(self) -> Dataset:
        """Generate the data, in hundredths of a second."""
        hidden, views = self._draw()
        frames = {m: _of(self.frames, m) for m in views}
        rolled = {m: unroll(self._stream(m), view, frames[m]) for m, view in views.items() if frames[m]}
        tasks = list(_tasks(self, hidden))
        return Dataset(
            features={m: rolled.get(m, view)[0].astype(np.float32) for m, view in views.items()},
            lengths={m: lengths for m, (_, lengths) in rolled.items()},
            present={m: view.present for m, view in views.items()},
            tasks={task.name: task for task, _, _ in tasks},
            targets={task.name: target for task, target, _ in tasks},
            labelled={task.name: known for task, _, known in tasks},
            groups=np.char.mod("speaker_%02d", hidden.unit) if self.groups else None,
            split=_official(self)[hidden.unit],
            ids=np.char.mod("row_%05d", np.arange(self.rows)),
        )

    def truth(self) -> dict[str, Any]:
        """What was planted, as JSON values: shares, nulls, the interaction, class frequencies, and ceilings.

        `ceilings` are accuracies, on these very rows, of the best classifier that knows the generator and every group's
        shift: given all modalities, all but each, only each, and all without the interaction (`additive`). `labels` is
        what knowing every true class would give. `valence_noise` is the mean squared error of knowing class and tone.
        """
        hidden, views = self._draw()
        looks = {m: self.look(m) for m in views}
        best = partial(ceiling, hidden, self.classes, looks=looks)
        total, pair = sum(self.modalities.values()) or 1.0, self.interacting()
        counts = np.bincount(hidden.clean, minlength=self.classes) / self.rows
        return {
            "shares": {m: share / total for m, share in self.modalities.items()},
            "nulls": [m for m in views if marks(looks[m], self.classes) == 0],
            "interaction": {"pair": list(pair), "signs": codes(self.classes).shape[1]} if pair else None,
            "frequencies": dict(zip(self.class_names(), counts.tolist(), strict=True)),
            "valence_noise": CHANCE**2,
            "ceilings": {
                "labels": float((hidden.clean == hidden.labels).mean()),
                "all": best(views),
                "additive": best(views, interaction=False),
                "without": {m: best({n: view for n, view in views.items() if n != m}) for m in views},
                "only": {m: best({m: view}) for m, view in views.items()},
            },
        }

    def look(self, modality: str) -> Look:
        """How a modality shows the samples, settings and defaults worked out."""
        pair = self.interacting() or ("", "")
        look = Look(
            width=0,
            length=self.signal * self.modalities[modality] ** 0.5,
            signs=self.interaction * (modality in pair),
            turned=modality == pair[1],
            missing=_of(self.missing, modality),
            noisy=_of(self.noisy, modality),
            noise_scale=self.noise_scale,
            offset=self.group_offset if self.groups else 0.0,
        )
        needed = marks(look, self.classes)
        width = self.features if isinstance(self.features, int) else self.features.get(modality)
        return look._replace(width=width or (max(16, needed) if needed else 4))

    def _draw(self) -> tuple[Hidden, dict[str, View]]:
        hidden = hide(
            self._stream(),
            self.rows,
            self.classes,
            imbalance=self.imbalance,
            label_noise=self.label_noise,
            units=self.groups or self.rows,
        )
        return hidden, {m: show(self._stream(m), hidden, self.classes, self.look(m)) for m in self.modalities}

    def _stream(self, *modality: str) -> Callable[[str], np.random.Generator]:
        return lambda purpose: numpy_stream("planted", self.seed, purpose, *modality)


def _of(setting: float | dict[str, float] | dict[str, int], modality: str) -> Any:  # noqa: ANN401 - int for counts
    """What a setting says for a modality: the one number, its own, or 0."""
    return setting.get(modality, 0) if isinstance(setting, dict) else setting


def _tasks(spec: PlantedSpec, hidden: Hidden) -> Iterator[tuple[Task, NDArray[np.generic], NDArray[np.bool_]]]:
    """Each task with its targets (N,) and which of them are labelled (N,)."""
    every = np.ones(spec.rows, bool)
    yield Task("emotion", "classes", spec.class_names()), hidden.labels, every
    if spec.valence:
        chance = numpy_stream("planted", spec.seed, "valence").normal(size=spec.rows)
        level = LEVEL * np.linspace(-1, 1, spec.classes)[hidden.clean]
        value = np.clip(level + TONE * hidden.tone + CHANCE * chance, -SPAN, SPAN)
        known = ~some(numpy_stream("planted", spec.seed, "unlabelled"), spec.rows, spec.unlabelled)
        yield Task("valence", "values", span=SPAN), np.where(known, value, 0).astype(np.float32), known
    if spec.nuisance:
        value = numpy_stream("planted", spec.seed, "nuisance").normal(size=spec.rows)
        yield Task("nuisance", "values"), value.astype(np.float32), every


def _parts(spec: PlantedSpec) -> tuple[int, int, int]:
    """Numbers of groups (of rows, without groups) in train, valid and test; a share above 0 has at least one."""
    units = spec.groups or spec.rows
    valid, test = (max(1, round(units * share)) if share else 0 for share in (spec.valid_share, spec.test_share))
    return units - valid - test, valid, test


def _official(spec: PlantedSpec) -> NDArray[np.str_]:
    """The part of each group (of each row, without groups)."""
    parts = np.repeat(np.array(["train", "valid", "test"]), _parts(spec))
    return numpy_stream("planted", spec.seed, "split").permutation(parts)


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
    if len(names) == 1 and spec.interaction and "interaction" in spec.model_fields_set:
        yield f"interaction: {spec.interaction:g} needs two modalities, '{names[0]}' is alone; add one, or set it to 0"


def _wrong_sizes(spec: PlantedSpec) -> Iterator[str]:
    for name in spec.modalities:
        look = spec.look(name)
        if look.width < (needed := marks(look, spec.classes)):
            what = "class, tone and signs" if look.signs else "class and tone"
            yield f"features: {look.width} of '{name}' cannot show {what} of {spec.classes} classes; at least {needed}"
    if spec.groups > spec.rows:
        yield f"groups: {spec.groups} speakers for {spec.rows} rows; at most one for each row"
    train, valid, test = _parts(spec)
    if train < 1:
        of = f"{train + valid + test} {'groups' if spec.groups else 'rows'}"
        taken = f"valid_share and test_share take {valid} and {test} of {of} and leave none to train on"
        yield f"{taken}; use smaller shares, or more groups"


@hookimpl
def register_datasets() -> Iterable[type[DatasetSpec]]:
    """Offer `planted`."""
    return [PlantedSpec]
