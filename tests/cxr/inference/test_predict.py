from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from cxr.inference.explain import GradCam
from cxr.inference.predict import logits, predict
from cxr.networks.backend import keras
from cxr.networks.network import folded

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 16, 16)).astype(np.uint8)
ROWS = np.array([5, 0, 3])


@pytest.fixture(scope="module")
def left_minus_right() -> keras.Model:
    """A network whose logit is the brightness of the left half minus that of the right."""
    image = keras.Input((16, 16, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    network = keras.Model(image, keras.layers.Dense(1)(x))
    sides = np.repeat([1.0, -1.0], 8)
    network.set_weights([np.tile(sides, 16)[:, None] / 128, np.zeros(1)])
    return network


def contrast(images: np.ndarray) -> np.ndarray:
    grey = images / 255
    return grey[:, :, :8].mean(axis=(1, 2)) - grey[:, :, 8:].mean(axis=(1, 2))


def test_it_judges_the_rows_asked_for(left_minus_right: keras.Model) -> None:
    np.testing.assert_allclose(logits(left_minus_right, IMAGES, ROWS), contrast(IMAGES[ROWS]), atol=1e-5)
    np.testing.assert_allclose(predict(left_minus_right, IMAGES, ROWS), expit(contrast(IMAGES[ROWS])), atol=1e-5)


def test_no_row_gives_no_logit(left_minus_right: keras.Model) -> None:
    assert logits(left_minus_right, IMAGES, np.array([], int)).shape == (0,)


@pytest.mark.parametrize("use", [lambda network: predict(network, IMAGES, ROWS), GradCam])
def test_logits_of_etiologies_are_none_of_pneumonia(use: Callable[[keras.Model], object]) -> None:
    """The first of them would be that of normal."""
    image = keras.Input((16, 16, 1), dtype="uint8")
    x = keras.layers.Conv2D(1, 3)(keras.layers.Rescaling(1 / 255)(image))
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    with pytest.raises(ValueError, match="3 logits for each image, not one of pneumonia"):
        use(network)
    use(folded(network))


def test_a_mirror_image_counts_as_much_as_the_image(left_minus_right: keras.Model) -> None:
    for crop in (1.0, 0.5):
        np.testing.assert_allclose(logits(left_minus_right, IMAGES, ROWS, crop=crop, flip=True), 0, atol=1e-5)


def test_of_a_cropped_image_only_the_middle_counts(left_minus_right: keras.Model) -> None:
    framed = np.full((1, 16, 16), 100, np.uint8)
    framed[:, 4:12, 4:8] = 200
    changed = framed.copy()
    changed[:, :2] = 0
    seen = logits(left_minus_right, framed, np.array([0]), crop=0.5)
    assert seen == pytest.approx([100 / 255], abs=0.06)
    np.testing.assert_array_equal(logits(left_minus_right, changed, np.array([0]), crop=0.5), seen)
