"""Build the network that a layer notation describes."""

from collections.abc import Iterator
from itertools import count
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.networks import notation
from cxr.networks.backend import keras
from cxr.networks.fast.layers import Dropout, PooledConvolution
from cxr.params import STRICT

# The study fed each grey image as three equal channels; the parameter counts keep that.
N_EQUAL_CHANNELS = 3

# Dropout layer i of a network with seed s draws from seed s * N_DROPOUT_SEEDS + i.
N_DROPOUT_SEEDS = 1000

Width = Annotated[int, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
class ModelParams:
    """Section `model` of params.yaml."""

    layers: str
    filters: Annotated[list[Width], Field(min_length=2, max_length=2)]
    dense_units: Width
    dropout: Annotated[float, Field(ge=0, le=0.99)]


def build(params: ModelParams, image_size: int, *, precision: str, seed: int) -> keras.Model:
    """The untrained network: uint8 grey images `(n, size, size, 1)` to logits `(n, 1)` in float32.

    `precision` is `float32` or `bfloat16` (weights stay float32); `seed` fixes weights and dropout.
    Raises UserError where the notation is wrong or pools a map of one pixel.
    """
    steps = notation.parse(params.layers)
    notation.check_poolings(steps, image_size, params.layers)
    keras.utils.set_random_seed(seed)
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    inputs = x = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    for layer in _layers(params, steps, policy, seed):
        x = layer(x)
    return keras.Model(inputs, x, name="network")


def _layers(params: ModelParams, steps: list[notation.Step], policy: str, seed: int) -> Iterator[keras.Layer]:
    """The layers in order. Each is made when its turn comes: the order of making and building fixes the weights."""
    dropout_seeds = count(seed * N_DROPOUT_SEEDS + 1)
    yield keras.layers.Rescaling(1 / 255, dtype="float32", name="rescaling")
    n_repeats = N_EQUAL_CHANNELS
    for i, layer in enumerate(notation.features(steps, params.filters), start=1):
        if isinstance(layer, notation.Convolution):
            own = (params.dropout, next(dropout_seeds)) if layer.has_dropout else ()
            yield PooledConvolution(
                layer.filters, layer.is_pooled, n_repeats, *own, dtype=policy, name=f"convolution_{i}"
            )
            n_repeats = 1
        else:
            yield keras.layers.MaxPooling2D(2, padding="same", dtype=policy, name=f"pooling_{i}")
            yield Dropout(params.dropout, next(dropout_seeds), dtype=policy, name=f"pooling_dropout_{i}")
    yield keras.layers.Flatten(dtype=policy, name="flatten")
    for i, units in enumerate(notation.dense_units(steps, params.dense_units), start=1):
        yield keras.layers.Dense(units, activation="relu", dtype=policy, name=f"dense_{i}")
        yield Dropout(params.dropout, next(dropout_seeds), dtype=policy, name=f"dense_dropout_{i}")
    yield keras.layers.Dense(1, dtype="float32", name="logit")


def flops_per_image(network: keras.Model) -> int:
    """Multiplications and additions of one image's forward pass in convolutions and dense layers."""
    flops = 0
    for layer in network.layers:
        if isinstance(layer, PooledConvolution):
            _, height, width, n_channels = layer.input.shape
            flops += 2 * height * width * 3 * 3 * n_channels * layer.filters
        elif isinstance(layer, keras.layers.Dense):
            flops += 2 * layer.input.shape[-1] * layer.units
    return flops
