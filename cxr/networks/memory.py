"""Whether the memory is enough for a training, told before it is taken."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cxr.errors import UserError
from cxr.machine import free_memory, gpu_field
from cxr.networks.backend import gpus, keras
from cxr.networks.fast.layers import PooledConvolution

MIB, GIB = 2**20, 2**30
# Of a float32 weight: itself and Adam's two moments; the network that takes the weights when they are saved.
TRAINED, SAVED = 3 * 4, 4
ADVICE = "choose smaller widths in model, a smaller train.batch_size or a smaller images.size"


def check(build: Callable[[], keras.Model], batch_size: int) -> None:
    """Raises UserError where training what `build` makes needs more memory than is free."""
    needed = least_bytes(outline(build), batch_size)
    free = _free_bytes()
    if needed > free:
        raise UserError(
            f"to train this network takes at least {needed / GIB:,.1f} GiB of memory, and {free / GIB:,.1f} GiB are "
            f"free; {ADVICE}"
        )


@contextmanager
def one_line_when_exhausted() -> Iterator[None]:
    """Raises UserError where the block ends for want of memory: what `check` asks for is the least, not all."""
    try:
        yield
    except Exception as error:
        # TensorFlow has a class for it, JAX a word.
        if type(error).__name__ != "ResourceExhaustedError" and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(f"the memory was not enough to train this network; {ADVICE}") from None


def _free_bytes() -> int:
    """Of the device that computes: the first GPU, where it tells, else the machine."""
    of_gpu = gpu_field("memory.free") if gpus() else ""
    return int(of_gpu.split()[0]) * MIB if of_gpu else free_memory()


def outline(build: Callable[[], keras.Model]) -> keras.Model:
    """The network that `build` makes, with all its shapes and no values: it takes no memory."""
    with keras.StatelessScope(initialize_variables=False):
        network = build()
    # Keras would make up for it, and give the variables their values together with those of the next network.
    keras.utils.clear_session()
    return network


def least_bytes(network: keras.Model, batch_size: int) -> int:
    """Bytes without which the network cannot be trained: it will need more, as much as the libraries choose.

    Weights, Adam's moments and the gradients; of a batch what the backward pass needs of the forward pass: the inputs
    of each layer with a kernel, and each map that is pooled.
    """
    n_weights = gradients = 0
    kept: dict[int, int] = {}
    for layer in network.layers:
        n = sum(math.prod(weights.shape) for weights in layer.trainable_weights)
        n_bytes = 2 if layer.compute_dtype == "bfloat16" else 4
        n_weights += n
        gradients += n * n_bytes
        if n:
            kept |= {id(x): math.prod(x.shape[1:]) * n_bytes for x in keras.tree.flatten(layer.input)}
        if isinstance(layer, PooledConvolution) and layer.is_pooled:
            kept[id(layer)] = math.prod(layer.input.shape[1:3]) * layer.filters * n_bytes
    return n_weights * TRAINED + max(n_weights * SAVED, gradients + batch_size * sum(kept.values()))
