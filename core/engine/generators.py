"""The generators that belong to nobody, Python's, NumPy's and torch's own: some modules draw from them all the same.

What draws from them cannot be stacked. Trained alone it is still paired and repeatable: they are seeded for every pass.
"""

from __future__ import annotations

import pickle
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from .devices import generators_in_use, seed_default

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .noise import SiteKeys


@contextmanager
def kept_generators() -> Iterator[None]:
    """Leave the three as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is what a module draws from
    try:
        with torch.random.fork_rng(devices=generators_in_use()):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002 - as above


def states() -> dict[str, object]:
    """{whose generator: a state that compares}."""
    return {
        "Python's random": random.getstate(),
        "NumPy's random": pickle.dumps(np.random.get_state()),  # noqa: NPY002 - as above
        "torch's generator": torch.get_rng_state().numpy().tobytes(),
    }


def seed_generators(keys: SiteKeys, step: int) -> None:
    """Seed the three for a pass of a trial: the same numbers in every cell of its seed and fold, resumed or not."""
    key = keys.at(("", -1), step)
    random.seed(key)
    np.random.seed(key % 2**32)  # noqa: NPY002 - as above
    seed_default(key)
