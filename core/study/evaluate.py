"""`evaluate`: what every trained trial is tested under besides the clean test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError

from ..conditions import Condition
from ..specs import Settings
from .grammar import Grammar, Slot
from .limits import MAX_CONDITIONS
from .messages import coerced, said, translate, wrong_kind
from .tree import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..conditions import ConditionKind
    from .problems import Problems
    from .tree import Node

WHERE = "evaluate"


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Asked after the items: pydantic's own check counts those that are right."""
    if not value:
        raise ValueError("this list is empty")
    return value


def _form(value: object) -> str:
    return "a list" if isinstance(value, list | tuple) else "a word"


_FULL = (AfterValidator(_some), Field(json_schema_extra={"minItems": 1}))
_Subset = Annotated[
    Annotated[tuple[str, ...], *_FULL, Tag("a list")] | Annotated[str, Tag("a word")],
    Discriminator(_form),
]
_Subsets = Annotated[tuple[_Subset, ...], *_FULL, Tag("a list")]


class MissingSettings(Settings):
    """Modalities that are absent in a share of the test rows."""

    rates: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], *_FULL]
    """Shares of the rows; 0 is the clean test, which is there anyway."""
    patterns: Annotated[Annotated[Literal["random", "each"], Tag("a word")] | _Subsets, Discriminator(_form)] = "random"
    """`random`: every modality by itself, and one stays. `each`: one modality after the other. Or a list of modalities
    and of lists of them, which then go together."""


class NoiseSettings(Settings):
    """Gaussian noise on the features of the test rows."""

    levels: Annotated[tuple[Annotated[float, Field(ge=0, le=1000)], ...], *_FULL]
    """Standard deviations of the noise, in those of each feature over the training rows; 0 is the clean test."""
    patterns: Annotated[Annotated[Literal["all", "each"], Tag("a word")] | _Subsets, Discriminator(_form)] = "all"
    """`all`: on every modality at once. `each`: on one after the other. Or a list, as for `missing`."""


class EvaluateSettings(Settings):
    """Tests under conditions, with the weights of the clean test."""

    missing: MissingSettings | None = None
    """Modalities that are absent."""
    noise: NoiseSettings | None = None
    """Noise on the features."""


@dataclass(frozen=True, slots=True)
class Among:
    """Whom conditions may concern."""

    modalities: tuple[str, ...]
    """Of the data; empty where they are not known."""
    baseline: tuple[str, ...]
    """Those that the baseline reads, in the order of the data."""


def read_conditions(node: Node | None, among: Among, grammar: Grammar, problems: Problems) -> tuple[Condition, ...]:
    """The conditions that `evaluate` asks for, each once; what is wrong goes to the problems."""
    if node is None or node.value is None:
        return ()
    settings = _validated(node, grammar, problems)
    if settings is None:
        return ()
    found: list[Condition] = []
    if settings.missing is not None:
        missing = _Reader("missing", "rates", node.children["missing"], among, problems)
        missing.check_what_is_left(settings.missing)
        found += missing.conditions(settings.missing.rates, settings.missing.patterns)
    if settings.noise is not None:
        noise = _Reader("noise", "levels", node.children["noise"], among, problems)
        found += noise.conditions(settings.noise.levels, settings.noise.patterns)
    if len(found) > MAX_CONDITIONS:
        message = f"{len(found)} conditions; at most {MAX_CONDITIONS} are allowed"
        problems.add(node.head, message, WHERE, code="BF312")
        return ()
    return tuple(found)


def _validated(node: Node, grammar: Grammar, problems: Problems) -> EvaluateSettings | None:
    slot = Slot((EvaluateSettings,))
    if not node.is_mapping:
        problems.take([wrong_kind(node, WHERE, "a mapping with `missing`, `noise` or both")])
        return None
    try:
        settings = EvaluateSettings.model_validate(plain(node))
    except ValidationError as error:
        found = translate(error, node, grammar, slot, "")
        problems.take(replace(finding, path=f"{WHERE}.{finding.path}".rstrip(".")) for finding in found)
        return None
    before = problems.num_errors
    for path, bent, wanted in coerced(node, settings.resolved()):
        problems.take([wrong_kind(bent, ".".join((WHERE, *path)), wanted)])
    return settings if problems.num_errors == before else None


@dataclass(frozen=True, slots=True)
class _Reader:
    """One kind of condition, whose settings stand in `node`."""

    kind: ConditionKind
    levels: str
    """Name of the setting with its levels."""
    node: Node
    among: Among
    problems: Problems

    def conditions(self, levels: Sequence[float], patterns: str | Sequence[object]) -> Iterator[Condition]:
        """Every level with every pattern; level 0 is the clean test."""
        self._each_once(levels, self.node.children[self.levels].items, self.levels)
        subsets = list(self._subsets(patterns))
        for level in dict.fromkeys(levels):
            for subset in subsets if level else ():
                yield Condition(self.kind, level, subset, self.among.baseline)

    def _each_once(self, values: Sequence[object], nodes: Sequence[Node], setting: str) -> None:
        for number, (value, node) in enumerate(zip(values, nodes, strict=True)):
            if value in values[:number]:
                where, told = f"{WHERE}.{self.kind}.{setting}", said(plain(node))
                self.problems.add(node.place, f"{told} stands here twice", where, "remove one", code="BF317")

    def _subsets(self, patterns: str | Sequence[object]) -> Iterator[tuple[str, ...]]:
        """The modalities of each condition; empty for every one."""
        if isinstance(patterns, str):
            yield from ((name,) for name in self.among.baseline) if patterns == "each" else [()]
            return
        where = f"{WHERE}.{self.kind}.patterns"
        found: list[tuple[str, ...]] = []
        nodes = self.node.children["patterns"].items
        for item in nodes:
            words = [str(word.value) for word in item.items or (item,)]
            for number, word in enumerate(item.items or (item,)):
                if self.among.modalities and word.value not in self.among.modalities:
                    known = self.among.modalities
                    self.problems.unknown(word.place, "modality", str(word.value), known, where, code="BF209")
                elif word.value in words[:number]:
                    self.problems.add(word.place, f"modality '{word.value}' stands here twice", where, code="BF210")
            order = {name: place for place, name in enumerate(self.among.modalities)}
            subset = tuple(sorted(dict.fromkeys(words), key=lambda word: order.get(word, len(order))))
            if self.kind == "missing" and self.among.baseline and set(self.among.baseline) <= set(subset):
                message = "this takes all that the baseline reads, and leaves nothing to predict from"
                self.problems.add(item.place, message, where, code="BF317")
            found.append(subset)
        self._each_once(found, nodes, "patterns")
        yield from dict.fromkeys(found)

    def check_what_is_left(self, settings: MissingSettings) -> None:
        """That something is left at all, and at each rate."""
        number = len(self.among.baseline)
        if number == 1 and isinstance(settings.patterns, str):
            message = f"the baseline reads '{self.among.baseline[0]}' alone: with it missing, nothing is left"
            self.problems.add(self.node.head, message, f"{WHERE}.missing", code="BF317")
        elif number and settings.patterns == "random":
            most = (number - 1) / number
            for rate, node in zip(settings.rates, self.node.children["rates"].items, strict=True):
                if rate > most + 1e-9:
                    message = f"one of {number} modalities stays, so no more than {most:.3f} of them can be missing"
                    remedy = f"{said(rate)} is tested as {most:.3f}"
                    self.problems.add(node.place, message, f"{WHERE}.missing.rates", remedy, code="BF318")
