"""One cell's settings, whole: the system that is trained, its data, its splits, and how it is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ..specs import DatasetSpec, EncoderSpec, FusionSpec, LossSpec, Settings, Warmup
from ..splits import SplitSpec

Positive = Annotated[float, Field(gt=0)]


class HeadSettings(Settings):
    """The linear heads: one per task, on the fused vector."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the fused vector. Source: AttentionRobustV4 uses its one rate, .35."""


class ModalityDropout(Settings):
    """Take whole modalities away while training, so that the model learns to do without."""

    rate: float = Field(default=0.15, ge=0, le=1)
    """Probability that a sample loses anything at all. Source: AttentionRobustV4 scripts, .15."""

    warmup: Annotated[
        Warmup, BeforeValidator(lambda value: {"start": value, "ramp": value} if isinstance(value, int) else value)
    ] = Warmup()
    """Schedule of the rate; a bare number W keeps it 0 for W epochs and reaches the full rate at 2 W."""

    site: Literal["mean", "sample", "input"] = "mean"
    """Where: at the encoding that fusion reads (the V4 code), at its sample (V2; it reaches a fusion only with `latent:
    sample`), or at the features."""

    patterns: Literal["subsets", "single", "independent"] = "subsets"
    """What is dropped together: every proper non-empty subset alike (V4), one modality, or each by itself."""

    probabilities: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """For `independent`: a probability for each modality, given that the sample is hit; .5 where none is said."""

    @model_validator(mode="after")
    def _probabilities_need_independence(self) -> ModalityDropout:
        if self.probabilities and self.patterns != "independent":
            raise ValueError("`probabilities` are read only with `patterns: independent`")
        return self


class Plateau(Settings):
    """Lower the learning rate when the selection score stops growing (torch's ReduceLROnPlateau)."""

    name: Literal["plateau"] = "plateau"
    factor: float = Field(default=0.5, gt=0, lt=1)
    """Factor on the learning rate. Source: AttentionRobustV4 plan."""
    patience: int = Field(default=10, ge=0)
    """Epochs without growth. Source: AttentionRobustV4 plan."""
    min_lr: float = Field(default=1e-6, ge=0)
    """Never below this. Source: AttentionRobustV4 plan."""


class Cosine(Settings):
    """Lower the learning rate along a half cosine over all epochs (torch's CosineAnnealingLR)."""

    name: Literal["cosine"] = "cosine"
    min_lr: float = Field(default=0.0, ge=0)
    """Learning rate that the curve ends in, after the last epoch."""


class Clip(Settings):
    """Limit the gradient."""

    by: Literal["value", "norm"] = "value"
    """Each element, or the norm of all parameters together. Source: AttentionRobustV4 plan, by value."""
    limit: Positive = 1.0
    """The limit. Source: AttentionRobustV4 plan, 1.0."""


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _limit(value: object) -> object:
    return {"limit": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class TrainSettings(Settings):
    """How a trial is trained. Defaults: AttentionRobustV4 plan, unless said otherwise."""

    epochs: int = Field(default=100, ge=1)
    """At most so many epochs."""
    batch_size: int = Field(default=32, ge=2)
    """B. The last batch of an epoch is left out when it is smaller, unless it is the only one."""
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    """Torch's optimiser; weight decay is decoupled in adamw, coupled in adam and sgd."""
    lr: Positive = 5e-4
    """Learning rate."""
    weight_decay: float = Field(default=5e-5, ge=0)
    """Weight decay."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of sgd; the Adams have their own."""
    scheduler: Annotated[Annotated[Plateau | Cosine, Field(discriminator="name")] | None, BeforeValidator(_named)] = (
        Plateau()
    )
    """`plateau`, `cosine`, or null for a constant rate."""
    clip: Annotated[Clip | None, BeforeValidator(_limit)] = Clip()
    """Gradient clipping; a bare number clips by value; null for none."""
    patience: int | None = Field(default=30, ge=1)
    """Stop after so many epochs without a gain of more than `min_delta`; null never stops early."""
    min_delta: float = Field(default=1e-3, ge=0)
    """The gain in the selection score that counts for early stopping."""
    select: str = "auto"
    """Which validation epoch is kept: a metric or an expression (`weighted_f1 - 0.25 * mse`), always maximised after
    errors alone are turned round; `auto` takes weighted F1, or minus the mean squared error where no classes are."""

    @model_validator(mode="after")
    def _everything_is_read(self) -> TrainSettings:
        if self.optimizer != "sgd" and self.momentum != type(self).model_fields["momentum"].default:
            raise ValueError(f"`momentum` is read only with `optimizer: sgd`, not with {self.optimizer}")
        if isinstance(self.scheduler, Cosine) and self.scheduler.min_lr >= self.lr:
            raise ValueError(f"the curve would end in min_lr {self.scheduler.min_lr}, not below lr {self.lr}")
        return self


class CellSettings(Settings):
    """Everything that decides what is trained and on what. Its hash is the key of a cell."""

    dataset: DatasetSpec
    """The data."""
    splits: SplitSpec = SplitSpec()
    """The folds, shared by all cells."""
    modalities: tuple[str, ...]
    """Those that take part, in the order of the data set."""
    encoder: dict[str, EncoderSpec]
    """{modality: encoder}."""
    fusion: FusionSpec
    """The fusion of all encodings."""
    latent: Literal["mean", "sample"] = "mean"
    """What the fusion reads of a variational encoding. Source: AttentionRobustV4 code, the mean."""
    head: HeadSettings = HeadSettings()
    """The linear heads."""
    modality_dropout: ModalityDropout | None = None
    """Modality dropout in training; null for none."""
    losses: dict[str, LossSpec]
    """{term: loss}."""
    train: TrainSettings = TrainSettings()
    """Optimiser, epochs, selection."""

    @field_validator("modalities")
    @classmethod
    def _at_least_one(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one modality must take part")
        return value

    @property
    def width(self) -> int:
        """H, common to all encoders."""
        return next(iter(self.encoder.values())).width
