import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.inference import foreign


def features(n: int, seed: int, k: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(7).normal(size=(k, k))
    return rng.normal(size=(n, k)) @ mixing


def test_one_in_a_hundred_of_the_same_kind_is_called_foreign_and_all_that_is_far_away() -> None:
    detector = foreign.fit(features(2000, 0), features(1000, 1))
    assert (detector.distances(features(1000, 1)) > 1).mean() == pytest.approx(0.01, abs=0.001)
    assert (detector.distances(features(4000, 2)) > 1).mean() == pytest.approx(0.01, abs=0.01)
    assert (detector.distances(features(100, 3) + 30) > 1).all()


@given(st.integers(0, 100), st.floats(0.1, 1000))
def test_distances_do_not_depend_on_the_unit_of_a_feature(seed: int, unit: float) -> None:
    train, val, other = (features(300, seed + i) for i in range(3))
    plain = foreign.fit(train, val).distances(other)
    scale = np.ones(train.shape[1])
    scale[0] = unit
    scaled = foreign.fit(train * scale, val * scale).distances(other * scale)
    np.testing.assert_allclose(scaled, plain, rtol=1e-6)


def test_a_feature_that_never_varied_is_foreign_when_it_does() -> None:
    train, val = features(300, 0), features(300, 1)
    train[:, 3] = val[:, 3] = 2.0
    changed = val.copy()
    changed[:, 3] = 5.0
    assert (foreign.fit(train, val).distances(changed) > 1).all()
