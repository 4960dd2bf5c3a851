"""The doors of the house: every hook that a plugin may implement, in the order in which they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .markers import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .specs import DatasetSpec, EncoderSpec, ExecutorSpec, FusionSpec, LossSpec


@hookspec
def register_datasets() -> Iterable[type[DatasetSpec]]:  # type: ignore[empty-body]  # a hook specification has no body
    """Offer data sets."""


@hookspec
def register_encoders() -> Iterable[type[EncoderSpec]]:  # type: ignore[empty-body]  # a hook specification has no body
    """Offer encoders of a modality."""


@hookspec
def register_fusions() -> Iterable[type[FusionSpec]]:  # type: ignore[empty-body]  # a hook specification has no body
    """Offer fusions."""


@hookspec
def register_losses() -> Iterable[type[LossSpec]]:  # type: ignore[empty-body]  # a hook specification has no body
    """Offer terms of the loss."""


@hookspec
def register_executors() -> Iterable[type[ExecutorSpec]]:  # type: ignore[empty-body]  # a hook specification has no body
    """Offer ways of running trials."""
