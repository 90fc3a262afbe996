"""Build the network that a layer notation describes."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.networks import notation
from cxr.networks.backend import keras
from cxr.networks.fast import stack as fast
from cxr.networks.fast.layers import PooledConvolution
from cxr.params import STRICT

# Dropout layer i of a network with seed s draws from seed s * N_DROPOUT_SEEDS + i.
N_DROPOUT_SEEDS = 1000

# Images, steps, dropout rate, dtype policy and dropout seeds to features `(n, units)`.
Stack = Callable[[Any, list[notation.Step], float, str, Iterator[int]], Any]

Width = Annotated[int, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
class ModelParams:
    """Section `model` of params.yaml."""

    layers: str
    filters: Annotated[list[Width], Field(min_length=2, max_length=2)]
    dense_units: Width
    dropout: Annotated[float, Field(ge=0, le=0.99)]


def check(params: ModelParams, image_size: int) -> None:
    """Raises UserError where the notation is wrong or pools a map of one pixel."""
    notation.check_poolings(_steps(params), image_size, params.layers)


def _steps(params: ModelParams) -> list[notation.Step]:
    return notation.steps(params.layers, params.filters, params.dense_units)


def build(params: ModelParams, image_size: int, *, precision: str, seed: int, stack: Stack = fast.stack) -> keras.Model:
    """The untrained network: uint8 grey images `(n, size, size, 1)` to logits `(n, 1)` in float32.

    `precision` is `float32` or `bfloat16` (weights stay float32); `seed` fixes weights and dropout. `stack`: how the
    steps are computed, `fast.stack` or, of the same function, `plain.stack`.
    Raises UserError as `check` does.
    """
    check(params, image_size)
    keras.utils.set_random_seed(seed)
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    inputs = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255, dtype="float32", name="rescaling")(inputs)
    x = stack(x, _steps(params), params.dropout, policy, count(seed * N_DROPOUT_SEEDS + 1))
    logits = keras.layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(inputs, logits, name="network")


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
