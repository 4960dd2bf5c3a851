"""Whether this process computes matrix products as a work asks for, and whether they are right."""

from __future__ import annotations

import torch

from ..errors import TrainingError
from .arithmetic import AVX512, STOCK, is_active

_CLOSE = 1e-5


def check(name: str) -> None:
    """Raise TrainingError unless this process computes so, and its products are right and independent of each other."""
    if is_active() != (name == AVX512):
        told = "started with AVX-512 for another's sake" if is_active() else "was not started with it"
        raise TrainingError(f"--arithmetic {name}: this process {told}; take an executor that starts its workers here")
    if name != STOCK:
        _check_products()


def _check_products() -> None:
    if not torch.backends.mkl.is_available():
        raise TrainingError(f"--arithmetic {AVX512}: this torch does not compute with MKL; leave it out")
    draw = torch.Generator().manual_seed(0)
    one, other = (torch.randn(7, *shape, generator=draw) for shape in ((33, 65), (65, 34)))
    product, exact = one @ other, one.double() @ other.double()
    if float((product - exact).abs().max() / exact.abs().max()) > _CLOSE:
        raise TrainingError(f"--arithmetic {AVX512}: its products are wrong on this processor")
    if any(not torch.equal(one[:rows] @ other[:rows], product[:rows]) for rows in (2, 3)):
        raise TrainingError(f"--arithmetic {AVX512}: a product depends on how many there are; leave it out")
