"""What the machine allows: its measured rates, and the time that a network's training needs at those rates."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.networks import compiled, is_residual, steps
from bench.ways import BATCH_SIZE
from cxr.inference.cost import flops_per_image
from cxr.networks import notation
from cxr.networks.backend import gpus, keras, resolve_precision

ops = keras.ops

# Maps and channels of convolutions as they stand in the stacks.
CONVOLUTIONS = [(112, 64, 64), (56, 64, 128), (56, 128, 128), (28, 128, 128)]
N_REPEATS = 8
N_FLOATS = 50_000_000
# A GPU is through with one of these before Python has asked for it: it is given arrays that are as many times as large,
# and as many calls at once.
TIMES_ON_GPU = 8
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


def measure(
    convolutions: list[tuple[int, int, int]] = CONVOLUTIONS, n_floats: int = N_FLOATS, times: int | None = None
) -> Machine:
    """The largest rate of a few convolutions, forward, in the precision that training takes; of adding two arrays.

    `times`: how many times as large the arrays are, and how many calls are waited for at once; TIMES_ON_GPU on a GPU,
    else 1.
    """
    times = times or (TIMES_ON_GPU if gpus() else 1)
    precision = resolve_precision("auto")
    convolve = _compiled(lambda x, kernel: ops.conv(x, kernel, padding="same"))
    rates = []
    for size, n_in, n_out in convolutions:
        x = _noise((times * BATCH_SIZE, size, size, n_in), precision)
        seconds = _fastest(convolve, x, _noise((3, 3, n_in, n_out), precision), times)
        rates.append(2 * times * BATCH_SIZE * size**2 * 9 * n_in * n_out / seconds)
    one, two = (_noise((times * n_floats,), "float32") for _ in range(2))
    seconds = _fastest(_compiled(lambda one, two: one + two), one, two, times)
    return Machine(precision, max(rates), 3 * 4 * times * n_floats / seconds, 2 if precision == "bfloat16" else 4)


def _noise(shape: tuple[int, ...], precision: str) -> Any:
    return ops.cast(keras.random.normal(shape, seed=0), precision)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of tensors without Python's share in it: on TensorFlow a graph, as XLA is slow on a processor."""
    if keras.backend.backend() == "jax":
        import jax

        compiled: Callable[..., Any] = jax.jit(function)
    else:
        import tensorflow as tf

        compiled = tf.function(function, autograph=False)
    return compiled


def _fastest(function: Callable[[Any, Any], Any], one: Any, two: Any, n_calls: int) -> float:
    """Least seconds of a call, of `n_calls` at once: the device does them in turn, and the last has to be fetched."""
    seconds = []
    for _ in range(N_REPEATS):
        started = time.perf_counter()
        for _ in range(n_calls):
            result = function(one, two)
        np.asarray(result[..., :1])
        seconds.append((time.perf_counter() - started) / n_calls)
    return min(seconds)


def seconds_per_batch(layers: str, size: int, machine: Machine) -> float:
    """Least time of one training step: FLOPs at the convolution rate plus bytes at the bandwidth, not overlapped."""
    flops, n_bytes = needs(layers, size, machine.value_bytes)
    return flops / machine.flops + n_bytes / machine.bandwidth


def needs(layers: str, size: int, value_bytes: int) -> tuple[float, float]:
    """FLOPs and bytes of one training step; of a residual network the products alone, no bytes.

    FLOPs: of each convolution and dense layer three products (output, weight gradient, input gradient; none of the last
    for the first layer of a stack). Bytes: every map is written once and read once in each product that needs it, with
    bias, ReLU and dropout free of charge, and a pooling reads and writes once each way; weights as in ADAM_PASSES.
    """
    if is_residual(layers):
        return 3.0 * BATCH_SIZE * flops_per_image(compiled(layers, size, "float32")), 0.0
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
