"""Conditions of a test as people read them."""

import pytest

from butfor.reports.conditions import in_words


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", "clean"),
        ("missing:0.3", "each modality missing in 30 %"),
        ("missing:0.25:audio", "audio missing in 25 %"),
        ("noise:0.5:audio+text", "noise 0.5 on audio and text"),
        ("without:audio", "without audio"),
    ],
)
def test_a_condition_reads_as_a_sentence_would_say_it(condition, words):
    assert in_words(condition) == words
