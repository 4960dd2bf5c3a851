"""Conditions of a test as people read them."""

import pytest

from butfor.reports.conditions import in_words


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", "clean"),
        ("missing:0.3", "each modality missing in 30 %"),
        ("missing:0.25:audio", "audio missing in 25 %"),
        ("missing:0.125:audio+text", "audio and text missing in 12.5 %"),
        ("noise:0.5", "noise of 0.5 sd on every modality"),
        ("noise:2:audio+text", "noise of 2 sd on audio and text"),
        ("without:audio", "without audio"),
        ("without:audio+text", "without audio and text"),
    ],
)
def test_a_condition_reads_as_a_sentence_would_say_it(condition, words):
    assert in_words(condition) == words
