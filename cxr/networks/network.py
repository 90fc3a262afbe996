"""Build a network: a stack of the study, the project's residual network, or one of keras.applications."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from cxr.networks import applications, residual
from cxr.networks.backend import keras
from cxr.networks.fast import stack as fast
from cxr.networks.fast.layers import Dropout
from cxr.networks.notation import Step
from cxr.networks.params import ModelParams, Target, check
from cxr.vocabulary import ETIOLOGIES

# Dropout layer i of a network with seed s draws from seed s * N_DROPOUT_SEEDS + i.
N_DROPOUT_SEEDS = 1000

# Images, steps, dropout rate, dtype policy and dropout seeds to features `(n, units)`.
Stack = Callable[[Any, list[Step], float, str, Iterator[int]], Any]


def build(
    params: ModelParams,
    image_size: int,
    *,
    precision: str,
    seed: int,
    target: Target = "pneumonia",
    stack: Stack = fast.stack,
) -> keras.Model:
    """The untrained network: uint8 grey images `(n, size, size, 1)` to logits of pneumonia `(n, 1)` in float32.

    `precision` is `float32` or `bfloat16` (weights stay float32); `seed` fixes weights and dropout. With target
    `etiology` the logits are those of normal, bacteria and virus `(n, 3)`: see `folded`. `stack`: how a stack's steps
    are computed, `fast.stack` or, of the same function, `plain.stack`.
    Raises UserError as `cxr.networks.params.check` does, and where pretrained weights cannot be had.
    """
    check(params, image_size)
    keras.utils.set_random_seed(seed)
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    image = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    dropout_seeds = count(seed * N_DROPOUT_SEEDS + 1)
    if params.architecture == "stack":
        x = keras.layers.Rescaling(1 / 255, dtype="float32", name="rescaling")(image)
        x = stack(x, params.steps(), params.dropout, policy, dropout_seeds)
    else:
        x = _features(image, params, policy)
        x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pooling")(x)
        x = Dropout(params.dropout, next(dropout_seeds), dtype="float32", name="dropout")(x)
    name, n_logits = ("logit", 1) if target == "pneumonia" else ("etiology", len(ETIOLOGIES))
    return keras.Model(image, keras.layers.Dense(n_logits, dtype="float32", name=name)(x), name="network")


def _features(image: Any, params: ModelParams, policy: str) -> Any:
    """The last feature map of a network that is no stack, `(n, height, width, channels)`, of the layer `features`."""
    if params.architecture == "residual":
        return residual.features(image, params.filters, policy)
    return applications.features(image, params.architecture, params.weights, policy)


def folded(network: keras.Model) -> keras.Model:
    """The network with one logit of pneumonia `(n, 1)`, where it has one for each etiology; else as it is."""
    if network.output_shape[-1] == 1:
        return network
    return keras.Model(network.input, Fold(dtype="float32", name="logit")(network.output), name="network")


@keras.saving.register_keras_serializable("cxr")
class Fold(keras.layers.Layer):  # type: ignore[misc]
    """Logit of pneumonia `(n, 1)` from logits of normal, bacteria and virus `(n, 3)`: log(e^b + e^v) - n."""

    def call(self, logits: Any) -> Any:
        return keras.ops.logsumexp(logits[:, 1:], axis=1, keepdims=True) - logits[:, :1]

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (input_shape[0], 1)
