"""Complete blocks: what all cells have, and what each lacks."""

import numpy as np
import pytest

from butfor.reports.statistics.blocks import complete

VALUES = {
    "full": {(1, "a"): 0.1, (1, "b"): 0.2, (2, "a"): 0.3, (2, "b"): 0.4},
    "less": {(2, "b"): 0.8, (1, "a"): 0.5, (2, "a"): 0.7},
}


def test_only_blocks_that_every_cell_has_are_kept_and_in_one_order():
    found = complete(VALUES)
    assert found.blocks == ((1, "a"), (2, "a"), (2, "b"))
    np.testing.assert_array_equal(found.values, [[0.1, 0.3, 0.4], [0.5, 0.7, 0.8]])


def test_what_a_cell_lacks_is_named_and_counted():
    found = complete({**VALUES, "more": {(1, "a"): 1.0, (3, "a"): 1.0}})
    assert found.lacking["less"] == ((1, "b"), (3, "a"))
    assert found.lacking["full"] == ((3, "a"),)
    assert found.restricted == 4
    assert complete({"full": VALUES["full"]}).restricted == 0


def test_units_average_the_other_of_seed_and_fold():
    found = complete(VALUES)
    np.testing.assert_allclose(found.by("fold"), [[0.2, 0.4], [0.6, 0.8]])
    np.testing.assert_allclose(found.by("seed"), [[0.1, 0.35], [0.5, 0.75]])


@pytest.mark.parametrize("unit", ["seed", "fold"])
def test_without_a_common_block_there_is_nothing_and_no_error(unit):
    found = complete({"x": {(1, "a"): 0.1}, "y": {(2, "a"): 0.1}})
    assert found.values.shape == (2, 0)
    assert found.by(unit).shape == (2, 0)
