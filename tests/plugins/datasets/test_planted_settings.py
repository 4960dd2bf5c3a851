"""The settings of the planted data set: the impossible are refused in words, and every legal one gives whole data."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from butfor.plugins.datasets.planted import PlantedSpec


def spec(**changes):
    return PlantedSpec(**{"rows": 240, **changes})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"modalities": {}}, "at least 1"),
        ({"modalities": {"audio": -0.1}}, "greater than or equal to 0"),
        ({"modalities": {"au dio": 1.0}}, "'au dio' is not a name"),
        ({"missing": {"vidoe": 0.1}}, "missing: unknown modality 'vidoe'; did you mean 'video'"),
        ({"noisy": 1.5}, "less than or equal to 1"),
        ({"missing": {"audio": -0.5}}, "greater than or equal to 0"),
        ({"frames": {"speech": 3}}, "frames: unknown modality 'speech'; known: 'audio', 'text', 'video'"),
        ({"label_noise": 2}, "less than or equal to 1"),
        ({"classes": 1}, "greater than or equal to 2"),
        ({"imbalance": 0.5}, "greater than or equal to 1"),
        ({"modalities": {"a": 1}, "interaction": 1.0}, "interaction: 1 needs two modalities, 'a' is alone"),
        ({"pair": ("audio", "audio")}, "pair: 'audio' twice"),
        ({"pair": ("audio", "texts")}, "pair: unknown modality 'texts'; did you mean 'text'"),
        ({"features": 7}, "7 of 'audio' cannot show class, tone and signs of 4 classes; at least 8"),
        ({"features": 4, "interaction": 0}, "4 of 'text' cannot show class and tone of 4 classes; at least 5"),
        ({"groups": 300}, "groups: 300 speakers for 240 rows"),
        ({"groups": 2}, "take 1 and 1 of 2 groups and leave none to train on"),
        ({"valid_share": 0.5, "test_share": 0.5, "groups": 0}, "of 240 rows and leave none to train on"),
        ({"colour": 1}, "colour"),
    ],
)
def test_impossible_settings_are_refused_in_words(settings, words):
    with pytest.raises(ValidationError) as caught:
        spec(**settings)
    assert words in str(caught.value)


@st.composite
def legal(draw):
    names = draw(st.lists(st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True), min_size=1, max_size=4, unique=True))
    rate = st.floats(0, 1)

    def each(values):
        return draw(st.one_of(values, st.dictionaries(st.sampled_from(names), values, max_size=4)))

    settings = {
        "rows": draw(st.integers(12, 40)),
        "seed": draw(st.integers(-5, 5)),
        "modalities": {name: draw(st.floats(0, 2)) for name in names},
        "signal": draw(st.floats(0, 5)),
        "classes": draw(st.integers(2, 9)),
        "imbalance": draw(st.floats(1, 50)),
        "label_noise": draw(rate),
        "missing": each(rate),
        "noisy": each(rate),
        "noise_scale": draw(st.floats(0, 10)),
        "frames": each(st.integers(0, 4)),
        "valence": draw(st.booleans()),
        "nuisance": draw(st.booleans()),
        "unlabelled": draw(rate),
        "groups": draw(st.sampled_from([0, 3, 12])),
        "group_offset": draw(st.floats(0, 2)),
        "valid_share": draw(st.floats(0, 0.3)),
        "test_share": draw(st.floats(0, 0.3)),
    }
    if len(names) > 1:
        settings["interaction"] = draw(st.floats(0, 3))
        settings["pair"] = draw(st.one_of(st.none(), st.permutations(names).map(lambda order: tuple(order[:2]))))
    return settings


@settings(max_examples=40, deadline=None, derandomize=True)
@given(legal())
def test_every_legal_setting_gives_whole_data_and_a_truth_that_can_be_written_down(changes):
    made = PlantedSpec(**changes)
    data, truth = made.load(), made.truth()
    assert len(data) == made.rows
    assert data.modalities == made.modality_names()
    for name, x in data.features.items():
        assert np.isfinite(x).all()
        assert x.dtype == np.float32
        assert (data.lengths[name] >= 1).all()
        assert (x[~data.present[name]] == 0).all()
    assert set(data.split) <= {"train", "valid", "test"}
    assert "train" in data.split
    assert json.loads(json.dumps(truth)) == truth
    flat = [truth["ceilings"]["all"], truth["ceilings"]["additive"], *truth["ceilings"]["only"].values()]
    assert all(0 <= value <= 1 for value in flat)
