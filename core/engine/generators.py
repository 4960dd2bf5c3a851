"""The generators that belong to nobody, Python's, NumPy's and torch's own: some modules draw from them all the same.

What draws from them cannot be stacked. Trained alone it is still paired and repeatable: they are seeded for every pass.
"""

from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from .. import shared_random
from .devices import generators_in_use, seed_default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .noise import SiteKeys


@contextmanager
def kept_generators() -> Iterator[None]:
    """Leave the three as they were."""
    before = shared_random.state()
    try:
        with torch.random.fork_rng(devices=generators_in_use()):
            yield
    finally:
        shared_random.put(before)


def states() -> dict[str, object]:
    """{whose generator: a state that compares}."""
    python, numpy = shared_random.state()
    return {
        "Python's random": python,
        "NumPy's random": pickle.dumps(numpy),
        "torch's generator": torch.get_rng_state().numpy().tobytes(),
    }


def seed_generators(keys: SiteKeys, step: int) -> None:
    """Seed the three for a pass of a trial: the same numbers in every cell of its seed and fold, resumed or not."""
    key = keys.at(("", -1), step)
    shared_random.seed(key)
    seed_default(key)
