"""The fast networks against the plain ones, which are their definition."""

import numpy as np
import pytest

from cxr.networks import network, plain
from cxr.networks.backend import keras
from tests.cxr.networks.conftest import model_params

SIZE = 13


def pair(layers: str, dropout: float = 0.0) -> tuple[keras.Model, keras.Model]:
    """The fast and the plain network of one seed."""
    params = model_params(layers=layers, filters=[4, 6], dense_units=5, dropout=dropout)
    settings = {"image_size": SIZE, "precision": "float32", "seed": 1}
    return network.build(params, **settings), network.build(params, **settings, stack=plain.stack)


@pytest.mark.parametrize("layers", ["C-C-P-C-P-F-D", "C-P-C-F-D-D", "P-C-P-P-F", "C-P-C-C-F", "P-F-D", "F"])
def test_weights_outputs_and_gradients_are_those_of_plain_layers(layers: str) -> None:
    fast, slow = pair(layers)
    for ours, theirs in zip(fast.trainable_variables, slow.trainable_variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        if "bias" in ours.path:
            for variable in (ours, theirs):
                variable.assign(np.random.default_rng(0).normal(0, 0.1, variable.shape))
    images = np.random.default_rng(0).integers(0, 256, (8, SIZE, SIZE, 1), dtype=np.uint8)
    np.testing.assert_allclose(fast.predict(images, verbose=0), slow.predict(images, verbose=0), atol=1e-5)

    labels = np.random.default_rng(1).integers(0, 2, (8, 1)).astype(np.float32)
    for model in (fast, slow):
        model.compile(keras.optimizers.SGD(1.0), keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
        model.fit(images, labels, batch_size=8, verbose=0)
    for ours, theirs in zip(fast.trainable_variables, slow.trainable_variables, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


@pytest.mark.parametrize("layers", ["C-C-P-C-C-P-F-D-D", "C-P-C-P-C-C-F-D-D", "P-C-P-P-F", "F-D"])
def test_dropout_of_plain_and_fast_networks_stands_in_the_same_places(layers: str) -> None:
    """Both draw from the same seeds, each as often as it drops."""
    fast, slow = pair(layers, dropout=0.3)
    seeds = [
        [np.asarray(variable).tolist() for variable in model.non_trainable_variables if "seed" in variable.path]
        for model in (fast, slow)
    ]
    assert seeds[0] == seeds[1]
    assert len(seeds[0]) == sum(isinstance(layer, keras.layers.Dropout) for layer in slow.layers)
