"""The random generators of Python and NumPy that belong to nobody."""

import random

import numpy as np
import pytest

from butfor.core import shared_random


def drawn() -> tuple[float, float]:
    return random.random(), float(np.random.rand())  # noqa: NPY002 - the shared generator is what is tested


@pytest.fixture(autouse=True)
def kept():
    before = shared_random.state()
    yield
    shared_random.put(before)


@pytest.mark.parametrize("key", [0, 7, 2**32 + 7, 2**63 - 1])
def test_one_number_starts_both_at_the_same_place(key):
    shared_random.seed(key)
    first = drawn()
    shared_random.seed(key)
    assert drawn() == first


def test_other_numbers_start_each_elsewhere():
    shared_random.seed(1)
    python, numpy = drawn()
    shared_random.seed(2)
    other_python, other_numpy = drawn()
    assert python != other_python
    assert numpy != other_numpy


def test_a_state_that_is_put_back_gives_the_same_numbers_again():
    before = shared_random.state()
    first = drawn()
    shared_random.put(before)
    assert drawn() == first
