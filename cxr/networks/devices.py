"""One training on several devices of a machine (`train.devices`): each computes its share of every batch.

By the framework's own means: tf.distribute on TensorFlow, where Keras' own is a prototype that says not to be used, and
keras.distribution on JAX. Every device has all weights; the gradients of the shares are added up before each step.

The result is that of one device but for rounding. For that
- all shares are of one length: a batch is filled up with empty images, which weigh nothing (`fill`);
- loss and accuracy are means over images, not over shares (`over_images`);
- dropout drops what it drops on one device (`first_place`).
The fast layers of `cxr.networks.fast` need no more than the last, and are used as they are.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr.errors import UserError
from cxr.networks.backend import keras

ops = keras.ops

Filled = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]


def names(n_devices: int) -> list[str]:
    """The first `n_devices` devices that compute, such as `gpu:0`. Raises UserError where there are fewer."""
    found = keras.distribution.list_devices()
    if n_devices > len(found):
        raise UserError(f"train.devices is {n_devices}, and this machine has {len(found)}: {', '.join(found)}")
    return list(found[:n_devices])


def check(network: keras.Model, n_devices: int) -> None:
    """Raises UserError where several devices would train another network than one: where a layer knows its batch."""
    found = [layer.name for layer in _layers(network) if isinstance(layer, keras.layers.BatchNormalization)]
    if n_devices > 1 and found:
        raise UserError(
            f"train.devices {n_devices}: the layer {found[0]} normalises by batch, which devices that have a share of "
            "it cannot; use 1, or a network without such layers"
        )


def _layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a network, those of networks within it too."""
    for layer in network.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


@contextmanager
def shared(n_devices: int) -> Iterator[None]:
    """The network that is built and trained in this block is so on the first `n_devices` devices. Raises as `names`."""
    if n_devices == 1:
        yield
        return
    with _distribution(tuple(names(n_devices))).scope():
        yield


# One in a process: TensorFlow numbers the sums over devices of each from the same start, and takes one for another.
@cache
def _distribution(names: tuple[str, ...]) -> Any:
    """What divides the work, as the backend calls it."""
    if keras.backend.backend() != "tensorflow":
        return keras.distribution.DataParallel(devices=list(names))
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(list(names))


def first_place(n_places: Any) -> Any:
    """Where in the batch the `n_places` values of a share begin that a layer sees: 0 where it sees the whole batch.

    On JAX it always does; on TensorFlow each device runs the layer on its share, and the shares are of one length.
    """
    if keras.backend.backend() != "tensorflow":
        return 0
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    is_whole = context is None or context.num_replicas_in_sync == 1
    return 0 if is_whole else context.replica_id_in_sync_group * n_places


def fill(
    images: NDArray[np.uint8], targets: NDArray[np.float32], weights: NDArray[np.float32] | None, n_devices: int
) -> Filled:
    """A batch of n images as m >= n, the next multiple of `n_devices`, those added empty; for `over_images`.

    `targets` `(n, k)` become `(m, k + 1)`, the last column an image's weight, 0 where it is none. The third of the
    result are the weights by which the mean loss of m is that of the n given.
    """
    n = len(images)
    n_empty = -n % n_devices
    column = np.ones(n, np.float32) if weights is None else weights
    images = np.concatenate([images, np.zeros((n_empty, *images.shape[1:]), np.uint8)])
    targets = np.concatenate([targets, column[:, None]], axis=1)
    targets = np.concatenate([targets, np.zeros((n_empty, targets.shape[1]), np.float32)])
    return images, targets, targets[:, -1] * np.float32((n + n_empty) / n)


def over_images(
    loss: keras.losses.Loss, is_right: Callable[[Any, Any], Any]
) -> tuple[keras.losses.Loss, list[keras.metrics.Metric]]:
    """Loss and metrics for batches that `fill` made, from those for targets and logits `(n, k)`.

    `is_right`: of targets and logits to `(n,)`, whose mean is the accuracy.
    """
    accuracy = _MeanOfImages(lambda targets, logits, weights: is_right(targets, logits), name="accuracy")
    # In Keras' own mean of the loss empty images count. Of the same name, and after it, this one stands in its place.
    mean_loss = _MeanOfImages(lambda targets, logits, weights: loss.call(targets, logits) * weights, name="loss")
    return _WithoutWeights(loss), [accuracy, mean_loss]


class _WithoutWeights(keras.losses.Loss):  # type: ignore[misc]
    """A loss of targets that carry their weights in the last column."""

    def __init__(self, loss: keras.losses.Loss) -> None:
        super().__init__(name=loss.name)
        self.loss = loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.loss.call(y_true[:, :-1], y_pred)


class _MeanOfImages(keras.metrics.Mean):  # type: ignore[misc]
    """Mean over images, empty ones left out, of `value`: of targets, logits and weights, `(n, k)` and `(n,)`."""

    def __init__(self, value: Callable[[Any, Any, Any], Any], name: str) -> None:
        super().__init__(name=name)
        self.value = value

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        weights = y_true[:, -1]
        return super().update_state(self.value(y_true[:, :-1], y_pred, weights), ops.cast(weights > 0, "float32"))
