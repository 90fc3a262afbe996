"""What the machine allows: its measured rates, and the time that a network's training needs at those rates."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.ways import BATCH_SIZE, steps
from cxr.networks import notation
from cxr.networks.backend import resolve_precision

# Maps and channels of convolutions as they stand in the stacks.
CONVOLUTIONS = [(112, 64, 64), (56, 64, 128), (56, 128, 128), (28, 128, 128)]
N_REPEATS = 8
N_FLOATS = 50_000_000
# Passes of Adam over one float32 weight: gradient written and read; weight, two moments read and written; in the
# forward and the backward pass the weight is read once each.
ADAM_PASSES = 2 + 6 + 2


@dataclass(frozen=True)
class Machine:
    """Measured rates: `flops` per second of convolutions, `bandwidth` in bytes per second, bytes of a map's value."""

    precision: str
    flops: float
    bandwidth: float
    value_bytes: int


def measure() -> Machine:
    """The largest rate of a few convolutions, forward, in the precision that training takes; of adding two arrays."""
    import tensorflow as tf

    precision = resolve_precision("auto")
    kind = tf.bfloat16 if precision == "bfloat16" else tf.float32
    rates = []
    for size, n_in, n_out in CONVOLUTIONS:
        x = tf.cast(tf.random.stateless_normal((BATCH_SIZE, size, size, n_in), seed=(0, 0)), kind)
        kernel = tf.cast(tf.random.stateless_normal((3, 3, n_in, n_out), seed=(0, 0)), kind)
        seconds = _fastest(tf.function(lambda x=x, k=kernel: tf.nn.conv2d(x, k, 1, "SAME"), autograph=False))
        rates.append(2 * BATCH_SIZE * size**2 * 9 * n_in * n_out / seconds)
    one, two = (tf.random.stateless_normal((N_FLOATS,), seed=(0, 0)) for _ in range(2))
    seconds = _fastest(tf.function(lambda: one + two, autograph=False))
    return Machine(precision, max(rates), 3 * 4 * N_FLOATS / seconds, 2 if kind == tf.bfloat16 else 4)


def _fastest(function: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(N_REPEATS):
        started = time.perf_counter()
        np.asarray(function()[..., :1])
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def seconds_per_batch(layers: str, size: int, machine: Machine) -> float:
    """Least time of one training step: FLOPs at the convolution rate plus bytes at the bandwidth, not overlapped."""
    flops, n_bytes = needs(layers, size, machine.value_bytes)
    return flops / machine.flops + n_bytes / machine.bandwidth


def needs(layers: str, size: int, value_bytes: int) -> tuple[float, float]:
    """FLOPs and bytes of one training step.

    FLOPs: of each convolution and dense layer three products (output, weight gradient, input gradient; none of the last
    for the first layer). Bytes: every map is written once and read once in each product that needs it, with bias, ReLU
    and dropout free of charge, and a pooling reads and writes once each way; weights as in ADAM_PASSES.
    """
    flops = n_values = n_weights = n_inputs = 0
    n_channels, is_first = 1, True
    for step in [*steps(layers), notation.Dense(1)]:
        n_before = size * size * n_channels
        match step:
            case notation.Convolution(filters):
                n_after = size * size * filters
                flops += (2 if is_first else 3) * 2 * n_after * 9 * n_channels
                # Forward: read input, write output. Backward: read gradient and input; for the input gradient again.
                n_values += n_before + n_after + n_after + n_before + (0 if is_first else n_after + n_before)
                n_weights += 9 * n_channels * filters
                n_channels, is_first = filters, False
            case notation.Pooling():
                size = -(-size // 2)
                n_values += 2 * (n_before + size * size * n_channels)
            case notation.Flatten():
                n_inputs = n_before
            case notation.Dense(units):
                flops += 3 * 2 * n_inputs * units
                n_values += 3 * n_inputs
                n_weights += n_inputs * units
                n_inputs = units
    return BATCH_SIZE * flops, BATCH_SIZE * n_values * value_bytes + 4 * ADAM_PASSES * n_weights
