"""Keras with this project's environment; the one module through which Keras is imported.

TensorFlow unless KERAS_BACKEND says otherwise. Memory of a GPU is taken as needed, not all at once.
"""

import gc
import os
import platform
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from cxr.machine import cpu_field, gpu_field

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
if platform.machine() in ("x86_64", "AMD64"):
    # TensorFlow's own choice leaves oneDNN off on processors without AVX512-VNNI, where it is the faster one as well.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Hold back what TensorFlow's C++ writes on import, before its own log settings apply."""
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the garbage collector from what is loaded here: all of it stays as long as the process does.

    Python would look through its hundreds of thousands of objects again and again, and once more when it ends: half of
    the 5 seconds of processor time in which Keras with TensorFlow is loaded and left.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def _without(packages: Collection[str]) -> Iterator[None]:
    """Hide packages that are not loaded yet from what is loaded here, as if they were not installed."""
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


# For converters, wrappers and pictures of Keras and TensorFlow that nothing here uses: a third of what loading takes.
UNUSED = {"jax", "matplotlib", "sklearn"} - {os.environ["KERAS_BACKEND"]}

with _without_stderr(), _without_collection(), _without(UNUSED):
    import keras

__all__ = ["device", "fused", "gpus", "has_slow_kernel_gradients", "keras", "resolve_precision"]

# Of x86 processors; of NVIDIA GPUs from Ampere on.
BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}
BFLOAT16_COMPUTE_CAPABILITY = 8.0


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of tensors in one pass over memory instead of one for each of its operations.

    On TensorFlow XLA compiles it, a few tenths of a second at its first call; on JAX the whole step is compiled anyway.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    compiled: Callable[..., Any] = tf.function(function, jit_compile=True, autograph=False)
    return compiled


def gpus() -> list[str]:
    """Names of the GPUs that Keras sees."""
    return [name for name in keras.distribution.list_devices() if name.startswith("gpu")]


def device() -> str:
    """Name of the device that computes: `gpu:0` or `cpu`, with its model where that can be read."""
    found = gpus()
    if found:
        return f"{found[0]} ({gpu_field('name') or 'unknown'})"
    return f"cpu ({cpu_field('model name') or platform.machine()})"


def resolve_precision(precision: str) -> str:
    """`auto` becomes `bfloat16` where the hardware multiplies it natively, else `float32`."""
    if precision != "auto":
        return precision
    return "bfloat16" if _has_bfloat16() else "float32"


def has_slow_kernel_gradients(dtype: Any) -> bool:
    """Whether the gradient of a convolution's kernel runs far below the rate of the convolution itself.

    So it does in float32 on processors with AVX2 and nothing newer: at a fifth to three fifths (docs/results/speed.md).
    """
    if keras.backend.backend() != "tensorflow" or keras.backend.standardize_dtype(dtype) != "float32" or gpus():
        return False
    flags = cpu_field("flags").split()
    return "avx2" in flags and "avx512f" not in flags


def _has_bfloat16() -> bool:
    """Whether the device that computes multiplies bfloat16 natively."""
    if gpus():
        return float(gpu_field("compute_cap") or 0) >= BFLOAT16_COMPUTE_CAPABILITY
    return bool(BFLOAT16_FLAGS & set(cpu_field("flags").split()))
