"""The same function as `cxr.networks.plain.stack`, with a layer for several steps where one pass over memory serves."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from cxr.networks import notation
from cxr.networks.backend import keras
from cxr.networks.fast.layers import FAST, Dropout, PooledConvolution, Techniques


def stack(
    x: Any, steps: list[notation.Step], dropout: float, policy: str, seeds: Iterator[int], techniques: Techniques = FAST
) -> Any:
    """What `steps` make of grey images `x`, float `(n, height, width, 1)`: `(n, units)`.

    `dropout`: the rate of all Dropout steps; `policy`: Keras' dtype policy; `seeds`: one for each Dropout step.
    """
    if not any(isinstance(step, notation.Convolution) for step in steps):
        # Equal channels cost nothing within a convolution; a network without one is given them.
        x = keras.layers.Concatenate(dtype=policy)([x] * notation.N_EQUAL_CHANNELS)
    # Each layer is made when its turn comes: the order of making and building fixes the initial weights.
    for layer in _layers(steps, dropout, policy, seeds, techniques):
        x = layer(x)
    return x


def _layers(
    steps: list[notation.Step], dropout: float, policy: str, seeds: Iterator[int], techniques: Techniques
) -> Iterator[keras.Layer]:
    """A convolution takes the pooling and the dropout behind it into its layer; all other steps have their own."""
    # The study's images have three equal channels: the first convolution sums its kernel over them.
    n_repeats = notation.N_EQUAL_CHANNELS
    features, denses = count(1), count(1)
    kind, number = "", 0
    while steps:
        step, *steps = steps
        match step:
            case notation.Convolution(filters):
                # What follows at once, if it does, becomes a part of this layer and leaves the list.
                is_pooled = steps[:1] == [notation.Pooling()]
                steps = steps[is_pooled:]
                is_dropped = steps[:1] == [notation.Dropout()]
                steps = steps[is_dropped:]
                rate, seed = (dropout, next(seeds)) if is_dropped else (0.0, 0)
                name = f"convolution_{next(features)}"
                yield PooledConvolution(
                    filters, is_pooled, n_repeats, rate, seed, techniques=techniques, dtype=policy, name=name
                )
                n_repeats = 1
            case notation.Pooling():
                kind, number = "pooling", next(features)
                yield keras.layers.MaxPooling2D(2, padding="same", dtype=policy, name=f"{kind}_{number}")
            case notation.Dropout():
                name = f"{kind}_dropout_{number}"
                yield Dropout(dropout, next(seeds), techniques=techniques, dtype=policy, name=name)
            case notation.Flatten():
                yield keras.layers.Flatten(dtype=policy, name="flatten")
            case notation.Dense(units):
                kind, number = "dense", next(denses)
                yield keras.layers.Dense(units, activation="relu", dtype=policy, name=f"{kind}_{number}")
