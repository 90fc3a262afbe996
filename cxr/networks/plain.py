"""The study's networks in Keras' own layers, one for each step: what the networks of fast/ compute.

Who reads the study reads this; tests hold fast/ against it, and bench measures it as the way that anybody would write.
So Keras is imported here as anybody imports it, not through `backend`.
"""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import keras

from cxr.networks.notation import N_EQUAL_CHANNELS, Convolution, Dense, Dropout, Flatten, Pooling, Step


def layers(
    steps: list[Step], dropout: float, policy: str | None = None, seeds: Iterator[int | None] | None = None
) -> Iterator[keras.Layer]:
    """The layers of `steps` in order, for images `(n, height, width, 3)`; `dropout` is the rate of all Dropout steps.

    `policy`: Keras' dtype policy, None for its global one; `seeds`: one for each Dropout step, None for chance.
    """
    seeds = seeds or repeat(None)
    for step in steps:
        match step:
            case Convolution(filters):
                yield keras.layers.Conv2D(filters, 3, padding="same", activation="relu", dtype=policy)
            case Pooling():
                yield keras.layers.MaxPooling2D(2, padding="same", dtype=policy)
            case Dropout():
                yield keras.layers.Dropout(dropout, seed=next(seeds), dtype=policy)
            case Flatten():
                yield keras.layers.Flatten(dtype=policy)
            case Dense(units):
                yield keras.layers.Dense(units, activation="relu", dtype=policy)


def stack(x: Any, steps: list[Step], dropout: float, policy: str, seeds: Iterator[int]) -> Any:
    """What `steps` make of grey images `x` `(n, height, width, 1)`, fed as three equal channels: `(n, units)`."""
    x = keras.layers.Concatenate(dtype=policy)([x] * N_EQUAL_CHANNELS)
    for layer in layers(steps, dropout, policy, seeds):
        x = layer(x)
    return x
