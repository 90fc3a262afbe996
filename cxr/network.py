"""Build the network that a layer notation describes."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr import notation
from cxr.backend import keras
from cxr.layers import Dropout, PooledConvolution
from cxr.params import STRICT

# The study fed each grey image as three equal channels; the parameter counts keep that.
N_EQUAL_CHANNELS = 3

Width = Annotated[int, Field(gt=0)]


@dataclass(frozen=True, config=STRICT)
class ModelParams:
    """Section `model` of params.yaml."""

    layers: str
    filters: Annotated[list[Width], Field(min_length=2, max_length=2)]
    dense_units: Width
    dropout: Annotated[float, Field(ge=0, lt=1)]


def build(params: ModelParams, image_size: int, *, precision: str, seed: int) -> keras.Model:
    """The untrained network: uint8 grey images `(n, size, size, 1)` to logits `(n, 1)` in float32.

    `precision` is `float32` or `bfloat16` (weights stay float32); `seed` fixes weights and dropout.
    Raises UserError where the notation is wrong or pools a map of one pixel.
    """
    steps = notation.parse(params.layers)
    notation.check_poolings(steps, image_size, params.layers)
    keras.utils.set_random_seed(seed)
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    n_dropouts = 0

    def drop(x: keras.KerasTensor) -> keras.KerasTensor:
        nonlocal n_dropouts
        n_dropouts += 1
        name = f"dropout_{n_dropouts}"
        return Dropout(params.dropout, seed=seed * 1000 + n_dropouts, dtype=policy, name=name)(x)

    inputs = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255, dtype="float32", name="rescaling")(inputs)
    n_repeats = N_EQUAL_CHANNELS
    for i, layer in enumerate(notation.features(steps, params.filters), start=1):
        if isinstance(layer, notation.Pooling):
            x = drop(keras.layers.MaxPooling2D(2, padding="same", dtype=policy, name=f"pooling_{i}")(x))
            continue
        convolution = PooledConvolution(
            layer.filters, layer.is_pooled, n_repeats, dtype=policy, name=f"convolution_{i}"
        )
        x, n_repeats = convolution(x), 1
        x = drop(x) if layer.has_dropout else x
    x = keras.layers.Flatten(dtype=policy, name="flatten")(x)
    for i, units in enumerate(notation.dense_units(steps, params.dense_units), start=1):
        x = drop(keras.layers.Dense(units, activation="relu", dtype=policy, name=f"dense_{i}")(x))
    logits = keras.layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(inputs, logits, name="network")
