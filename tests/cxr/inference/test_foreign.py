import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.inference import foreign
from cxr.networks.backend import keras


def features(n: int, seed: int, k: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(7).normal(size=(k, k))
    return rng.normal(size=(n, k)) @ mixing


def test_one_in_a_hundred_of_the_same_kind_is_called_foreign_and_all_that_is_far_away() -> None:
    detector = foreign.fit(features(2000, 0), features(1000, 1))
    assert 0.005 <= (detector.distances(features(1000, 1)) > 1).mean() <= 0.01
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


@pytest.mark.parametrize("column", [0, -1], ids=["of its look", "of its exposure"])
def test_what_is_far_away_by_one_feature_is_foreign(column: int) -> None:
    train, val = features(300, 0), features(300, 1)
    changed = val.copy()
    changed[:, column] += 1000
    assert (foreign.fit(train, val).distances(changed) > 1).all()


def test_features_are_the_last_map_the_image_at_8x8_and_its_exposure() -> None:
    some = np.random.default_rng(0).integers(0, 256, (3, 16, 16)).astype(np.uint8)
    image = keras.Input((16, 16, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(image)
    network = keras.Model(image, keras.layers.Conv2D(2, 1, kernel_initializer="ones")(x))
    found = foreign.Features(network)(some)
    means = some.mean(axis=(1, 2))
    assert found.shape == (3, foreign.n_features(network))
    np.testing.assert_allclose(found[:, :2], np.column_stack([means, means]) / 255, rtol=1e-5)
    np.testing.assert_allclose(found[:, 2:66], some.reshape(3, 8, 2, 8, 2).mean(axis=(2, 4)).reshape(3, 64) / 255)
    exposure = [(one.mean(), one.std(), np.percentile(one, 5), np.percentile(one, 95)) for one in some]
    np.testing.assert_allclose(found[:, 66:], np.array(exposure) / 255)


def test_false_alarms_and_hits_are_counted_of_the_sets_that_are_named() -> None:
    """A network that sees nothing but the mean leaves the exposure, which is not lost among its features."""
    train, val, test = (bright_below(300, seed) for seed in range(3))

    def brightness(images: np.ndarray) -> np.ndarray:
        return np.hstack([images.mean(axis=(1, 2))[:, None] + np.arange(2), foreign.exposure(images)])

    detector = foreign.fit(brightness(train), brightness(val))
    found = foreign.measure(detector, brightness, test, seed=0)
    assert (found["n_images"], found["n_foreign"]) == (300, 256)
    assert found["false_alarms"] == (detector.distances(brightness(test)) > 1).mean() < 0.05
    assert set(found["hits"]) == set(foreign.FOREIGN)
    assert found["hits"]["inverted"] == found["hits"]["twice as bright"] == 1
    # What keeps the greys is not seen by it.
    assert found["hits"]["upside down"] < 0.05


def bright_below(n: int, seed: int) -> np.ndarray:
    """Images of 16 pixels, dark above and bright below, of mean brightness about 90."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(20, 160, 16)[:, None] + np.zeros((16, 16))
    return np.clip(ramp + rng.normal(0, 8, (n, 1, 1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", foreign.FOREIGN)
@pytest.mark.parametrize("n", [1, 5])
def test_a_foreign_set_is_pictures_of_the_same_form_and_the_same_each_time(name: str, n: int) -> None:
    some = bright_below(n, 0)
    one, two = (foreign.FOREIGN[name](some, np.random.default_rng(1)) for _ in range(2))
    assert (one.shape, one.dtype) == (some.shape, some.dtype)
    assert (one == two).all()
    assert not (one == some).all()
