"""Keras with this project's environment; the one module through which Keras is imported.

TensorFlow unless KERAS_BACKEND says otherwise. Memory of a GPU is taken as needed, not all at once.
"""

import os
import platform
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")
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


with _without_stderr():
    import keras

__all__ = ["device", "gpus", "keras", "peak_memory_mib", "resolve_precision"]

BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16"}


def gpus() -> list[str]:
    """Names of the GPUs that Keras sees."""
    return [name for name in keras.distribution.list_devices() if name.startswith("gpu")]


def device() -> str:
    """Name of the device that computes: `gpu:0` and so on, or `cpu` with the processor's model."""
    found = gpus()
    return found[0] if found else f"cpu ({_cpu_field('model name') or platform.machine()})"


def resolve_precision(precision: str) -> str:
    """`auto` becomes `bfloat16` where the hardware multiplies it natively, else `float32`."""
    if precision != "auto":
        return precision
    is_native = gpus() or BFLOAT16_FLAGS & set(_cpu_field("flags").split())
    return "bfloat16" if is_native else "float32"


def peak_memory_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _cpu_field(name: str) -> str:
    """A field of the first processor in /proc/cpuinfo, or an empty string."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    match = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return match.group(1) if match else ""
