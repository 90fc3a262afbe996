import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from cxr.statistics import temperature


@settings(max_examples=20, deadline=None)
@given(too_sure=st.floats(0.2, 5), seed=st.integers(0, 99))
def test_it_finds_by_how_much_logits_are_too_sure(too_sure: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 2, 20_000)
    labels = (rng.random(len(honest)) < expit(honest)).astype(int)
    assert temperature.fit(labels, honest * too_sure) == pytest.approx(too_sure, rel=0.1)


@pytest.mark.parametrize("logits", [[-2.0, -1.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
def test_there_is_none_where_the_labels_are_separated_or_nothing_is_said_of_them(logits: list[float]) -> None:
    assert temperature.fit([0, 0, 1, 1], logits) is None
