from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr.errors import UserError
from cxr.networks import network
from cxr.networks.backend import keras
from cxr.networks.params import APPLICATIONS, ModelParams, check
from tests.cxr.networks.conftest import model_params


def params(**changes: Any) -> ModelParams:
    return model_params(**{"architecture": "MobileNetV2", "filters": [1], "dropout": 0.0, **changes})


def test_the_table_is_that_of_keras() -> None:
    for module, names in APPLICATIONS.items():
        found = getattr(keras.applications, module)
        assert hasattr(found, "preprocess_input")
        assert all(callable(getattr(found, name)) for name in names)


def test_one_takes_grey_images_and_gives_logits() -> None:
    built = network.build(params(), 32, precision="bfloat16", seed=0)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 1)).astype(np.uint8)
    assert built.predict(images, verbose=0).shape == (2, 1)
    assert built.get_layer("features").output.shape[1:3] == (1, 1)
    # As its authors fed it: white is 1 and black is -1.
    fed = keras.Model(built.input, built.get_layer("Conv1").input)
    for grey, expected in ((255, 1), (0, -1)):
        np.testing.assert_allclose(fed.predict(np.full_like(images, grey), verbose=0), expected, atol=1e-2)
    assert keras.config.dtype_policy().name == "float32"


def test_pretrained_weights_are_asked_for_and_their_absence_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def unreachable(**options: Any) -> None:
        asked.update(options)
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications.mobilenet_v2, "MobileNetV2", unreachable)
    with pytest.raises(UserError, match=r"MobileNetV2, model\.weights imagenet: URL fetch failure"):
        network.build(params(weights="imagenet"), 32, precision="float32", seed=0)
    assert asked["weights"] == "imagenet"


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
def test_weights_that_keras_brings_are_those_of_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of random weights stands for ImageNet's, which are not downloaded here."""
    stored = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    stored.save_weights(tmp_path / "stored.weights.h5")
    path = str(tmp_path / "stored.weights.h5")
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", lambda *_, **__: path)
    built = network.build(params(weights="imagenet"), 32, precision="float32", seed=7)
    for name in ("Conv1", "Conv_1"):
        np.testing.assert_array_equal(built.get_layer(name).get_weights()[0], stored.get_layer(name).get_weights()[0])


@pytest.mark.parametrize(("name", "smallest"), [("InceptionV3", 75), ("VGG16", 32)])
def test_images_too_small_for_one_are_refused_before_it_is_built(name: str, smallest: int) -> None:
    check(params(architecture=name), smallest)
    with pytest.raises(UserError, match=rf"images\.size {smallest - 1} is too small for .* {name}; set {smallest} up"):
        check(params(architecture=name), smallest - 1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"architecture": "ResNet51"}, "stack, residual or a network of keras.applications"),
        ({"architecture": "stack"}, "model.filters of a stack should be two numbers"),
        ({"architecture": "residual", "weights": "imagenet"}, "for networks of keras.applications only"),
    ],
)
def test_what_does_not_exist_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        params(**changes)
