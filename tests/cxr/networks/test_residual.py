from pathlib import Path

import numpy as np
import pytest

from cxr.networks import model_file, network, residual
from cxr.networks.backend import keras
from tests.cxr.networks.conftest import model_params

SIZE = 20


def build(seed: int = 0, precision: str = "float32", **changes: object) -> keras.Model:
    params = model_params(**{"architecture": "residual", "filters": [4, 4, 8], "dropout": 0.0, **changes})
    return network.build(params, SIZE, precision=precision, seed=seed, target="etiology")


def images(n: int = 16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE, 1)).astype(np.uint8)


def test_the_last_map_has_a_name_and_its_size() -> None:
    assert build().get_layer("stem").output.shape == (None, 10, 10, 2)
    assert build().get_layer("features").output.shape == (None, 3, 3, 8)
    greys = keras.ops.convert_to_numpy(build().get_layer("rescaling")(np.array([64, 128, 192], np.uint8)))
    assert greys.tolist() == [-1, 0, 1]
    assert build(dropout=0.25).get_layer("dropout").rate == 0.25


def test_kernels_are_normalised_in_each_filter() -> None:
    layer = residual.NormalisedConvolution(6, 3)
    layer.build((None, 8, 8, 5))
    layer.kernel.assign(np.random.default_rng(1).normal(3, 7, (3, 3, 5, 6)))
    x = np.zeros((1, 8, 8, 5), np.float32)
    x[0, 4, 4] = np.eye(5)[2]
    # The answer to one bright channel at one place is that channel's slice of the kernel, turned around.
    answer = keras.ops.convert_to_numpy(layer(x))[0, 3:6, 3:6][::-1, ::-1]
    kernel = keras.ops.convert_to_numpy(layer.kernel.value)
    normal = (kernel - kernel.mean(axis=(0, 1, 2))) / (kernel.std(axis=(0, 1, 2)) * np.sqrt(9 * 5))
    np.testing.assert_allclose(answer, normal[:, :, 2], atol=1e-5)


def test_an_image_is_judged_alone_and_every_weight_but_what_gains_of_0_hide_has_a_gradient() -> None:
    model = build()
    together = model.predict(images(), verbose=0)
    np.testing.assert_allclose(model.predict(images()[:1], verbose=0), together[:1], atol=1e-4)
    for variable in model.trainable_variables:
        if variable.path.endswith("convolution_2/gain"):
            variable.assign(np.full(variable.shape, 0.5))
    before = model.get_weights()
    model.compile(keras.optimizers.SGD(1.0), keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False)
    model.fit(images(), np.eye(3, dtype=np.float32)[np.arange(16) % 3], verbose=0)
    assert all((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


def test_signals_keep_their_size_on_the_way() -> None:
    model = build(filters=[32, 32, 64, 64])
    places = [model.get_layer(name).output for name in ("stem", "block_2", "block_4")]
    noise = np.random.default_rng(0).normal(128, 64, (8, SIZE, SIZE, 1)).clip(0, 255).astype(np.uint8)
    for signal in keras.Model(model.input, places).predict(noise, verbose=0):
        # The way around takes means, which makes noise smaller.
        assert 0.2 < signal.std() < 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_folded_network_is_saved_and_says_log_odds_of_pneumonia(precision: str, tmp_path: Path) -> None:
    trained = build(precision=precision)
    model_file.save(trained, network.folded(build(precision=precision)), tmp_path / "model.keras")
    loaded = model_file.load(str(tmp_path / "model.keras"), SIZE)
    normal, bacteria, virus = trained.predict(images(), verbose=0).T
    odds = loaded.predict(images(), verbose=0)[:, 0]
    np.testing.assert_allclose(odds, np.logaddexp(bacteria, virus) - normal, rtol=1e-4, atol=1e-4)
    assert network.folded(loaded) is loaded
