"""Build the network that a layer notation describes."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from cxr.networks.backend import keras
from cxr.networks.fast import stack as fast
from cxr.networks.notation import Step
from cxr.networks.params import ModelParams, check

# Dropout layer i of a network with seed s draws from seed s * N_DROPOUT_SEEDS + i.
N_DROPOUT_SEEDS = 1000

# Images, steps, dropout rate, dtype policy and dropout seeds to features `(n, units)`.
Stack = Callable[[Any, list[Step], float, str, Iterator[int]], Any]


def build(params: ModelParams, image_size: int, *, precision: str, seed: int, stack: Stack = fast.stack) -> keras.Model:
    """The untrained network: uint8 grey images `(n, size, size, 1)` to logits `(n, 1)` in float32.

    `precision` is `float32` or `bfloat16` (weights stay float32); `seed` fixes weights and dropout. `stack`: how the
    steps are computed, `fast.stack` or, of the same function, `plain.stack`.
    Raises UserError as `cxr.networks.params.check` does.
    """
    check(params, image_size)
    keras.utils.set_random_seed(seed)
    policy = "float32" if precision == "float32" else f"mixed_{precision}"
    inputs = keras.Input((image_size, image_size, 1), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255, dtype="float32", name="rescaling")(inputs)
    x = stack(x, params.steps(), params.dropout, policy, count(seed * N_DROPOUT_SEEDS + 1))
    logits = keras.layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(inputs, logits, name="network")
