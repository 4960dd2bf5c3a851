import pytest
from pydantic import TypeAdapter, ValidationError

from butfor.core import Shapes, StudyError
from butfor.core.pairs import Pairs, resolve_pairs


def shapes(*modalities):
    return Shapes("contrastive", dict.fromkeys(modalities, 3), dict.fromkeys(modalities, False), 4, {})


def test_without_a_list_every_two_modalities_are_a_pair_in_their_order():
    assert resolve_pairs(None, shapes("a", "t", "v")) == (("a", "t"), ("a", "v"), ("t", "v"))
    assert len(resolve_pairs(None, shapes("a", "t", "v", "e"))) == 6
    assert resolve_pairs(None, shapes("a")) == ()


def test_listed_pairs_keep_their_order_and_direction():
    wanted = (("video", "text"), ("text", "audio"))
    assert resolve_pairs(wanted, shapes("audio", "text", "video")) == wanted


def test_a_cell_without_a_modality_leaves_its_pairs_out():
    wanted = (("video", "text"), ("text", "audio"))
    assert resolve_pairs(wanted, shapes("text", "video")) == (("video", "text"),)
    assert resolve_pairs(wanted, shapes("audio", "video")) == ()
    assert resolve_pairs(wanted, shapes("depth")) == ()


def test_a_misspelt_modality_is_refused_with_the_near_one():
    with pytest.raises(StudyError, match=r"'contrastive': unknown modality 'audo' in `pairs`; did you mean 'audio'\?"):
        resolve_pairs((("audo", "text"),), shapes("audio", "text", "video"))


def test_a_name_near_to_one_that_is_named_too_is_another_modality():
    assert resolve_pairs((("camera_1", "camera_2"),), shapes("camera_1", "text")) == ()


def test_pairs_that_name_nothing_in_the_cell_are_refused():
    with pytest.raises(StudyError, match=r"name 'eeg', 'gaze', none of which is here; known: 'audio', 'text'"):
        resolve_pairs((("gaze", "eeg"),), shapes("audio", "text"))


@pytest.mark.parametrize("wrong", [[], [["a", "a"]], [["a", "t"], ["a", "t"]], [["a", "t", "v"]]])
def test_lists_that_are_no_pairs_are_refused(wrong):
    with pytest.raises(ValidationError):
        TypeAdapter(Pairs).validate_python(wrong)


def test_both_directions_of_a_pair_may_be_listed():
    assert TypeAdapter(Pairs).validate_python([["a", "t"], ["t", "a"]]) == (("a", "t"), ("t", "a"))
