"""What modality dropout takes away, against exact probabilities."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from butfor.core.engine.modality_dropout import kept
from butfor.core.study.settings import ModalityDropout

NAMES = ("audio", "text", "video")


def draw(spec: ModalityDropout, rows: int = 60_000, epoch: int = 0, names: tuple[str, ...] = NAMES) -> torch.Tensor:
    return kept(spec, names, torch.ones(rows, len(names), dtype=torch.bool), epoch, 0, "0", 0)


def test_six_patterns_are_equally_likely_and_never_all_three() -> None:
    left = draw(ModalityDropout(rate=0.15))
    counts = Counter(map(tuple, left.tolist()))
    hit = {pattern: count for pattern, count in counts.items() if not all(pattern)}
    assert len(hit) == 6
    assert (False, False, False) not in hit
    for count in hit.values():
        assert count / len(left) == pytest.approx(0.15 / 6, abs=0.003)
    assert (~left).float().mean(0).tolist() == pytest.approx([0.075] * 3, abs=0.005)
    assert ((~left).sum(1) == 2).float().mean().item() == pytest.approx(0.075, abs=0.005)


def test_the_rate_is_nought_until_the_warmup_ends_and_full_at_twice_its_length() -> None:
    spec = ModalityDropout(rate=0.4, warmup=20)
    rates = {epoch: (~draw(spec, epoch=epoch).all(1)).float().mean().item() for epoch in (0, 19, 20, 30, 40, 90)}
    assert rates[0] == rates[19] == rates[20] == 0
    assert rates[30] == pytest.approx(0.2, abs=0.01)
    assert rates[40] == pytest.approx(0.4, abs=0.01)
    assert rates[90] == pytest.approx(0.4, abs=0.01)


def test_single_drops_one_modality_and_no_more() -> None:
    left = draw(ModalityDropout(rate=1.0, patterns="single"))
    assert ((~left).sum(1) == 1).all()


def test_independent_uses_the_probability_of_each_modality() -> None:
    spec = ModalityDropout(rate=1.0, patterns="independent", probabilities={"audio": 0.0, "text": 0.25})
    lost = (~draw(spec)).float().mean(0).tolist()
    assert lost[0] == 0
    assert lost[1] == pytest.approx(0.25, abs=0.01)
    assert lost[2] == pytest.approx(0.5, abs=0.01)


def test_of_two_modalities_exactly_one_is_dropped_and_of_one_none() -> None:
    assert ((~draw(ModalityDropout(rate=1.0), names=("a", "b"))).sum(1) == 1).all()
    assert draw(ModalityDropout(rate=1.0), names=("a",)).all()


@settings(max_examples=40, deadline=None)
@given(
    rate=st.floats(0, 1),
    num=st.integers(1, 5),
    patterns=st.sampled_from(["subsets", "single", "independent"]),
    seed=st.integers(0, 10**6),
)
def test_nothing_absent_comes_back_and_nobody_loses_everything(rate: float, num: int, patterns: str, seed: int) -> None:
    present = torch.rand(50, num, generator=torch.Generator().manual_seed(seed)) < 0.7
    spec = ModalityDropout(rate=rate, patterns=patterns)
    names = tuple(f"m{i}" for i in range(num))
    left = kept(spec, names, present, 0, seed, "0", 3)
    assert not (left & ~present).any()
    assert torch.equal(left.any(1), present.any(1))
    assert torch.equal(left, kept(spec, names, present, 0, seed, "0", 3))
