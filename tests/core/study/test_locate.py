"""Reading YAML: what words and numbers mean, where everything stands, and pydantic's locations found again."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butfor.core.errors import StudyError
from butfor.core.study.locate import locate, plain, read, scalar
from butfor.core.study.tree import Node, from_python, lookup


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-4", 1e-4), ("5.0e-4", 5e-4), ("1E3", 1000.0), (".5", 0.5), ("1.", 1.0), ("-0.5", -0.5), ("+3", 3),
        ("0o17", 15), ("0x1F", 31), ("007", 7), (".inf", math.inf), ("-.INF", -math.inf),
        ("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("1_000", "1_000"), ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"), ("nan", "nan"), ("e5", "e5"), ("tRue", "tRue"), ("0b1", "0b1"), ("1e", "1e"),
    ],
)  # fmt: skip
def test_bare_words_mean_what_yaml_1_2_says(word, value):
    read_value = scalar(word)
    assert read_value == value
    assert type(read_value) is type(value)


def test_a_quoted_word_is_text():
    assert plain(read("a: '1'\nb: \"null\"\nc: |\n  true\n", "f")) == {"a": "1", "b": "null", "c": "true\n"}


def test_not_a_number_is_read():
    assert math.isnan(scalar(".nan"))


def test_every_value_and_key_knows_its_place():
    tree = read("a:\n  b: [1, {c: x}]\n  'd e': |\n    text\n", "dir/f.yaml")
    place = {path: (lookup(tree, path).place, lookup(tree, path).key) for path in ("a", "a.b", "a.d e")}
    assert [(p.line, p.column, k.line, k.column) for p, k in place.values()] == [
        (2, 3, 1, 1),
        (2, 6, 2, 3),
        (3, 10, 3, 3),
    ]
    inner = lookup(tree, "a.b").items[1].children["c"]
    assert (inner.place.file, inner.place.line, inner.place.column) == ("dir/f.yaml", 2, 14)
    assert (inner.key.line, inner.key.column) == (2, 11)


def test_columns_count_characters_and_not_bytes():
    node = lookup(read("{'ä日': 1, b: 2}", "f"), "b")
    assert (node.place.line, node.place.column) == (1, 14)


def test_an_empty_text_is_an_empty_mapping():
    assert plain(read("# nothing\n", "f")) == {}


def test_an_empty_value_is_null():
    assert plain(read("a:\nb: [1, ]\n", "f")) == {"a": None, "b": [1]}


def test_a_number_of_thousands_of_digits_is_refused():
    with pytest.raises(StudyError, match="f:1:4: a number of 5000 digits"):
        read("a: " + "9" * 5000, "f")


def test_hostile_nesting_is_refused_quickly():
    with pytest.raises(StudyError, match="nested deeper than 64 levels"):
        read("[" * 500_000, "f")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_a_tree_from_python_is_the_same_value_again(value):
    assert plain(from_python(value)) == value


def test_python_values_that_no_file_could_hold_are_refused():
    for value in ({"a": object()}, {1: 2}, {"a": {1, 2}}):
        with pytest.raises(StudyError):
            from_python(value)
    endless: dict[str, object] = {}
    endless["a"] = endless
    with pytest.raises(StudyError, match="nested deeper"):
        from_python(endless)


TREE = read("train:\n  scheduler: {name: plateau, factor: 2}\n  sizes: [1, x]\nfusion: concat\n", "f")


@pytest.mark.parametrize(
    ("location", "line", "path", "found"),
    [
        (("train", "scheduler", "plateau", "factor"), 2, "train.scheduler.factor", True),
        (("train", "scheduler", "Plateau", "factor"), 2, "train.scheduler.factor", True),
        (("train", "sizes", 1, "float"), 3, "train.sizes.1", True),
        (("train", "sizes", "list[float]", 1), 3, "train.sizes.1", True),
        (("fusion", "concat", "rank"), 4, "fusion", True),
        (("train", "lr"), 2, "train.lr", False),
        (("train", "missing", "deeper"), 2, "train.missing.deeper", False),
        ((), 1, "", True),
    ],
)
def test_locations_are_walked_to_the_nearest_node(location, line, path, found):
    node, walked, whole = locate(TREE, location)
    assert (node.place.line, ".".join(walked), whole) == (line, path, found)


def test_nodes_cannot_be_changed():
    with pytest.raises(AttributeError):
        Node(1).value = 2
