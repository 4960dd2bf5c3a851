from hypothesis import given
from hypothesis import strategies as st

from butfor.core.natural import natural_key


def test_digits_count_as_numbers():
    names = ["a_10", "a_2", "b", "a_1", "2", "10", "a", "a2b10", "a2b9"]
    assert sorted(names, key=natural_key) == ["2", "10", "a", "a2b9", "a2b10", "a_1", "a_2", "a_10", "b"]


@given(st.lists(st.text(), unique=True))
def test_every_list_has_one_order(names):
    backwards = names[::-1]
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)
