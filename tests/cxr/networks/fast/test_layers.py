import numpy as np
import pytest
import tensorflow as tf

from cxr.networks.backend import keras
from cxr.networks.fast.layers import Dropout, PooledConvolution, convolve, keep_mask


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("shape", [(3, 9, 6, 7), (1, 1, 1, 2), (2, 4, 5, 1)])
def test_a_convolution_and_its_gradients_are_the_plain_ones(
    shape: tuple[int, ...], is_slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxr.networks.fast.layers.has_slow_kernel_gradients", lambda dtype: is_slow)
    monkeypatch.setattr("cxr.networks.fast.layers.FEWEST_MULTIPLICATIONS", 0)
    rng = np.random.default_rng(0)
    x, kernel = (tf.constant(rng.normal(size=size).astype(np.float32)) for size in (shape, (3, 3, shape[-1], 5)))
    upstream = tf.constant(rng.normal(size=(*shape[:-1], 5)).astype(np.float32))
    found = []
    for convolution in (convolve, lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME")):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolution(x, kernel)
        found.append([y, *tape.gradient(y, [x, kernel], upstream)])
    for ours, plain in zip(*found, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_dropout_rate_scale_and_gradient(rate: float) -> None:
    dropped = np.asarray(Dropout(rate, seed=3)(np.ones((64, 25, 25, 7), np.float32), training=True))
    n = dropped.size
    assert abs((dropped == 0).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / n) + 1e-4
    np.testing.assert_allclose(dropped[dropped != 0], 1 / (1 - rate), rtol=1e-6)


def test_dropout_differs_between_calls_and_positions_and_rests_at_inference() -> None:
    layer, x = Dropout(0.5, seed=3), np.ones((4, 8, 8, 6), np.float32)
    first, second = (np.asarray(layer(x, training=True)) for _ in range(2))
    assert (first != second).any()
    assert (first[0] != first[1]).any()
    assert (first[..., 0] != first[..., 1]).any()
    np.testing.assert_array_equal(layer(x, training=False), x)


@pytest.mark.parametrize("is_pooled", [False, True])
@pytest.mark.parametrize("rate", [0.3, 0.9])
def test_dropout_in_a_convolution_is_dropout_after_it(is_pooled: bool, rate: float) -> None:
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(3, 20, 20, 2)).astype(np.float32))
    fused = PooledConvolution(5, is_pooled, dropout=rate, seed=1)
    fused(x)
    fused.set_weights([rng.normal(size=weights.shape) for weights in fused.get_weights()])
    kernel, bias = (tf.constant(weights) for weights in fused.get_weights())

    def plain(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        y = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
        return tf.nn.max_pool2d(y, 2, 2, "SAME") if is_pooled else y

    keep = tf.cast(keep_mask(plain(x, kernel, bias).shape, rate, keras.random.SeedGenerator(1).next()), tf.float32)
    upstream = tf.constant(rng.normal(size=keep.shape).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = fused(x, training=True)
    ours = tape.gradient(y, [x, fused.kernel.value, fused.bias.value], upstream)
    with tf.GradientTape() as tape:
        tape.watch([x, kernel, bias])
        dropped = plain(x, kernel, bias) * keep / (1 - rate)
    theirs = tape.gradient(dropped, [x, kernel, bias], upstream)

    np.testing.assert_allclose(y, dropped, rtol=1e-4, atol=1e-4)
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(fused(x, training=False), plain(x, kernel, bias), atol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.3, 0.5, 0.99])
def test_a_mask_drops_at_its_rate(rate: float) -> None:
    seeds = keras.random.SeedGenerator(0)
    kept = np.array([np.asarray(keep_mask((16, 32, 33), rate, seeds.next())) for _ in range(50)])
    assert abs((~kept).mean() - rate) <= 5 * np.sqrt(rate * (1 - rate) / kept.size)


def test_masks_of_places_steps_and_layers_are_independent() -> None:
    this, other = keras.random.SeedGenerator(3), keras.random.SeedGenerator(4)
    kept = [np.asarray(keep_mask((4, 28, 28, 64), 0.3, seeds.next())).ravel() for seeds in (this, this, other)]
    standard = [(mask - 0.7) / np.sqrt(0.21) for mask in kept]
    # Of independent masks this sum is standard normal; 5.5 is one in ten million.
    for shift in [*range(1, 130), 28 * 64, 28 * 28 * 64]:
        for one, two in ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0)):
            product = standard[one][shift:] * standard[two][:-shift]
            assert abs(product.sum()) / np.sqrt(len(product)) < 5.5, (shift, one, two)
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert abs((standard[one] * standard[two]).sum()) / np.sqrt(kept[0].size) < 5.5


def test_repeated_channels_are_the_convolution_of_the_repeated_image() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 1)).astype(np.float32)
    ours = PooledConvolution(3, is_pooled=False, n_repeats=3)
    y = ours(x)
    plain = keras.layers.Conv2D(3, 3, padding="same", activation="relu")
    plain.build((None, 6, 6, 3))
    plain.set_weights(ours.get_weights())
    np.testing.assert_allclose(y, plain(np.repeat(x, 3, axis=3)), atol=1e-5)
