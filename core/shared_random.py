"""The random generators of Python and NumPy that belong to nobody: a module may draw from them all the same."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

State = tuple[Any, Any]
"""Of Python's and of NumPy's, as each of them gives it."""


def state() -> State:
    """What both are in now."""
    return random.getstate(), np.random.get_state()  # noqa: NPY002 - the generator that a plugin draws from is this one


def put(saved: State) -> None:
    """Put both back to what `state` gave."""
    python, numpy = saved
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002 - the generator that a plugin draws from is this one


def seed(key: int) -> None:
    """Start both at one number, of NumPy's its lower 32 bits."""
    random.seed(key)
    np.random.seed(key % 2**32)  # noqa: NPY002 - the generator that a plugin draws from is this one
