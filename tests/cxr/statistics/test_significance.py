import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.statistics import significance


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_its_definition(p_values: list[float]) -> None:
    order = np.argsort(p_values, kind="stable")
    expected, largest = np.zeros(len(p_values)), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        expected[i] = largest
    np.testing.assert_allclose(significance.holm(p_values), expected)


def test_a_p_that_is_none_stays_none_and_counts_for_nothing() -> None:
    found = significance.holm([0.01, np.nan, 0.04])
    np.testing.assert_allclose(found, [0.02, np.nan, 0.04])
