"""What a plugin offers: frozen specs of data sets, encoders, fusions, loss terms and executors.

A spec says what can be chosen and checks it; its `build` (or `load`, `run`) makes the part that computes. A field typed
with a kind (`proxy: FusionSpec`) holds another component, which a study may swap: while a study is read, its settings
are looked up in the catalogue that stands in the validation context.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationInfo, model_validator

from .errors import PluginError
from .markers import Knob, KnobMark, knob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import nn

    from .batch import Shapes
    from .dataset import Dataset


class Settings(BaseModel):
    """Frozen, strict about unknown keys, documented by the docstrings under its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def resolved(self) -> dict[str, Any]:
        """All settings, defaults and nested components included, as plain JSON values."""
        return self.model_dump(mode="json", serialize_as_any=True)


class Warmup(Settings):
    """A factor that is 0 before epoch `start` and then grows linearly to 1 over `ramp` epochs (epochs count from 0)."""

    start: int = Field(default=0, ge=0)
    """First epoch of the ramp; the factor is still 0 in it unless `ramp` is 0."""

    ramp: int = Field(default=0, ge=0)
    """Epochs until the factor is 1; 0 jumps to 1 at `start`."""

    @model_validator(mode="before")
    @classmethod
    def _number_is_a_ramp(cls, value: object) -> object:
        return {"ramp": value} if isinstance(value, int) and not isinstance(value, bool) else value

    def factor(self, epoch: int) -> float:
        """The factor in `epoch`: min(1, (epoch - start) / ramp), never below 0."""
        if epoch < self.start:
            return 0.0
        return min(1.0, (epoch - self.start) / self.ramp) if self.ramp else 1.0


class Spec(Settings):
    """A named component. Subclasses of a kind set `name` to a `Literal` and give every field a default."""

    kind: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()
    gives: ClassVar[frozenset[str]] = frozenset()
    stackable: ClassVar[bool] = True
    paper: ClassVar[str] = ""

    name: str
    """Which plugin."""

    @model_validator(mode="wrap")
    @classmethod
    def _choose_by_name(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:  # noqa: ANN401 - whatever the file says
        """A kind (FusionSpec) becomes the plugin that the settings name; a bare word is a name without settings."""
        if isinstance(value, str):
            value = {"name": value}
        if isinstance(value, Spec) or not cls.is_kind():
            return handler(value)
        catalogue = (info.context or {}).get("catalogue")
        if catalogue is None:
            raise PluginError(f"{value!r}: a {cls.kind} named by text needs a catalogue; pass a {cls.__name__} instead")
        chosen = catalogue.choose(cls.kind, value)
        return chosen.model_validate(value, context=info.context)  # type: ignore[no-any-return]  # the catalogue keeps kinds apart

    @classmethod
    def is_kind(cls) -> bool:
        """Whether this is the base of a kind (FusionSpec) and not a plugin of it."""
        return cls.model_fields["name"].is_required()

    @classmethod
    def knobs(cls) -> tuple[str, ...]:
        """Names of the fields that may vary inside a stack."""
        fields = cls.model_fields.items()
        return tuple(name for name, field in fields if any(isinstance(mark, KnobMark) for mark in field.metadata))

    def inner(self) -> Iterator[tuple[str, Spec]]:
        """The components that this one holds, by field."""
        for field in type(self).model_fields:
            value = getattr(self, field)
            if isinstance(value, Spec):
                yield field, value

    def requirements(self) -> frozenset[str]:
        """What this component needs from the others: its own `needs` and those of the components it holds."""
        return self.needs.union(*(held.requirements() for _, held in self.inner()))

    def capabilities(self) -> frozenset[str]:
        """What this component gives to the others; override it where settings or a held component decide."""
        return self.gives


class DatasetSpec(Spec):
    """A data set: which modalities and tasks it has, and how to load it."""

    kind = "dataset"

    standardise: bool = True
    """Shift and scale every feature by the mean and standard deviation of the training part of each fold."""

    @abstractmethod
    def modality_names(self) -> tuple[str, ...]:
        """The modalities in their fixed order, known without loading."""

    @abstractmethod
    def load(self) -> Dataset:
        """Read or generate the data. Raises DataError for data that are not as described."""


class EncoderSpec(Spec):
    """An encoder of one modality. `needs` has "utterance" for (B, D) input or "frames" for (B, T, D); neither: both."""

    kind = "encoder"

    width: int = Field(default=128, ge=1)
    """H, the width of the encoding. Source: AttentionRobustV4 plan, 128."""

    @abstractmethod
    def build(self, *, features: int) -> nn.Module:
        """Module with `forward(x, lengths) -> Encoded`, for `features` = D inputs."""


class FusionSpec(Spec):
    """A fusion of the encodings of all modalities into one vector."""

    kind = "fusion"

    @abstractmethod
    def build(self, *, modalities: Sequence[str], width: int) -> nn.Module:
        """Module with `forward(encoded, present) -> Fused`, for encodings of `width` = H."""


class LossSpec(Spec):
    """A term of the loss: its weight, its warm-up, and a module that computes it."""

    kind = "loss"

    weight: Knob = knob(1.0, ge=0)
    """Factor of the term in the total; 0 leaves the term out of every gradient."""

    warmup: Warmup = Warmup()
    """Schedule of the weight; a bare number W ramps from 0 to the full weight over the first W epochs."""

    @abstractmethod
    def build(self, *, shapes: Shapes) -> nn.Module:
        """Module with `forward(outputs, batch) -> Tensor ()`."""


class ExecutorSpec(Spec):
    """A way of running work: in this process, in processes of this machine, elsewhere."""

    kind = "executor"

    def workers(self) -> int:
        """How many items run at once."""
        return 1

    @abstractmethod
    def run(self, work: Callable[[Any], Iterable[Any]], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield `(item, outcome)` for each thing that `work(item)` yields, as it comes; items in any order.

        An outcome that is an exception is the last of its item: `work` raised it, or whatever ran the item died.
        """

    def ready(self, module: str) -> AbstractContextManager[None]:  # noqa: ARG002 - for others
        """Inside it `run` of what stands in `module` may come: what takes long to start may be started now.

        Nothing, by default.
        """
        return nullcontext()


KINDS: tuple[type[Spec], ...] = (DatasetSpec, EncoderSpec, FusionSpec, LossSpec, ExecutorSpec)
