import pytest
import torch

from butfor.plugins.fusion.mean import MeanSpec, register_fusions


@pytest.mark.usefixtures("float64")
def test_it_averages_what_is_present(encode):
    encoded = encode(["audio", "text", "video"], batch=3)
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0]]).bool()
    fused = MeanSpec().build(modalities=list(encoded), width=8)(encoded, present)
    audio, text, video = (part.mean for part in encoded.values())
    expected = torch.stack([(audio[0] + text[0] + video[0]) / 3, (audio[1] + video[1]) / 2, text[2]])
    torch.testing.assert_close(fused.vector, expected, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(fused.weights, torch.tensor([[1 / 3] * 3, [0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]))


def test_equal_rows_stay_as_they_are(encode):
    part = encode(["audio"])["audio"]
    fused = MeanSpec().build(modalities=["a", "b"], width=8)({"a": part, "b": part}, torch.ones(5, 2).bool())
    torch.testing.assert_close(fused.vector, part.mean)


def test_it_needs_no_variance_and_no_parameters():
    assert MeanSpec().requirements() == frozenset()
    assert not list(MeanSpec().build(modalities=["a"], width=4).parameters())
    assert register_fusions() == [MeanSpec]
