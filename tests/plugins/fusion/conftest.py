"""Random encodings for the tests of fusions."""

from collections.abc import Callable, Sequence

import pytest
import torch

from butfor.core import Encoded


@pytest.fixture
def encode() -> Callable[..., dict[str, Encoded]]:
    def make(
        modalities: Sequence[str] = ("audio", "text", "video"), *, batch: int = 5, width: int = 8, seed: int = 0
    ) -> dict[str, Encoded]:
        """Leaves that ask for a gradient; a modality gets the same numbers whichever others there are."""
        encoded = {}
        for modality in modalities:
            stream = torch.Generator().manual_seed(seed + sum(map(ord, modality)))
            mean, log_variance = torch.randn(2, batch, width, generator=stream).unbind()
            mean.requires_grad_()
            log_variance.requires_grad_()
            encoded[modality] = Encoded(mean=mean, log_variance=log_variance, sample=mean)
        return encoded

    return make
