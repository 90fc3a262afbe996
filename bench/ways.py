"""Ways to train the same network: ours, the notebook's, PyTorch's."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.networks import DROPOUT, compiled, steps, train_params
from cxr.networks import notation

BATCH_SIZE = 32
LEARNING_RATE = 1e-4

# What stage `train` sets for the process.
MALLOC = Path(notation.__file__).with_name("malloc.env")
OURS_ENVIRONMENT = dict(word.split("=", 1) for word in MALLOC.read_text().split())

# Trains that many batches; the seconds of each.
Trainer = Callable[[int], list[float]]


@dataclass(frozen=True)
class Way:
    """A way to train: what makes the trainer of a network, images and labels, in a process with this environment.

    `backends`: of Keras, with which it is this way. `is_of_stacks`: it knows no other network.
    """

    trainer: Callable[[str, Path, np.ndarray], Trainer]
    environment: Mapping[str, str] = field(default_factory=dict)
    backends: tuple[str, ...] = ("tensorflow", "jax")
    is_of_stacks: bool = False


def ours(
    network: str,
    images: Path,
    labels: np.ndarray,
    *,
    is_on_device: bool = False,
    **changes: Any,
) -> Trainer:
    """As stage `train` does it, without augmentation; `changes` of `compiled`.

    `is_on_device`: all images are held by the device, for which the backend has to be JAX.
    """
    from cxr.networks.backend import keras
    from cxr.networks.batches import Batches, Part

    array: Any = np.load(images, mmap_mode="r")
    model = compiled(network, array.shape[1], **changes)
    n_classes = max(2, model.output_shape[-1])
    part = Part(np.arange(len(array)), labels)
    if is_on_device:
        array = keras.ops.convert_to_tensor(array)

    def train(n_batches: int) -> list[float]:
        clock = _clock()
        order = np.arange(n_batches * BATCH_SIZE) % len(array)
        batches = Batches(array, part, order, BATCH_SIZE, n_classes=n_classes)
        model.fit(batches, shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds

    return train


def ours_keras_adam(network: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but Adam in the many passes that Keras takes."""
    from cxr.networks.backend import keras

    return ours(network, images, labels, adam=keras.optimizers.Adam)


def ours_not_fused(network: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but a pass for each operation, and dropout's masks from a random float per value, as Keras makes them."""
    import tensorflow as tf

    from cxr.networks.fast.layers import Techniques
    from cxr.networks.fast.optimizer import Adam

    def as_given(function: Any) -> Any:
        return function

    def random_mask(shape: Any, rate: float, seed: Any) -> Any:
        return tf.random.stateless_uniform(shape, seed) >= rate

    techniques = Techniques(fused=as_given, keep_mask=random_mask)
    return ours(network, images, labels, techniques=techniques, adam=partial(Adam, in_one_pass=as_given))


def ours_kernel_gradients_as_given(network: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but the kernels' gradients as the library computes them everywhere."""
    from cxr.networks.fast.layers import Techniques, convolve_as_given

    return ours(network, images, labels, techniques=Techniques(convolve=convolve_as_given))


def notebook(layers: str, images: Path, labels: np.ndarray, policy: str = "float32") -> Trainer:
    """As the study describes it: all images as float32 with three channels in memory, plain Keras layers, `fit`."""
    import keras

    x = notebook_images(np.load(images))
    network = notebook_network(layers, x.shape[1], policy)
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    # On a CPU XLA is several times slower, and Keras leaves it off there too.
    network.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"], jit_compile=False)

    def train(n_batches: int) -> list[float]:
        clock = _clock()
        network.fit(
            x, labels.astype(np.float32), batch_size=BATCH_SIZE, steps_per_epoch=n_batches, verbose=0, callbacks=[clock]
        )
        return clock.seconds

    return train


def notebook_images(images: np.ndarray) -> np.ndarray:
    """Grey bytes `(n, size, size)` as float32 from 0 to 1 in three equal channels."""
    return np.repeat(images[:, :, :, None], 3, axis=3).astype(np.float32) / 255


def notebook_network(layers: str, size: int, policy: str = "float32") -> Any:
    """Images as `notebook_images` makes them to probabilities `(n, 1)`."""
    import keras

    from cxr.networks import plain

    inputs = keras.Input((size, size, notation.N_EQUAL_CHANNELS))
    output = keras.layers.Dense(1, activation="sigmoid", dtype=policy)
    return keras.Sequential([inputs, *plain.layers(steps(layers), DROPOUT, policy), output])


def _clock() -> Any:
    """A Keras callback that notes when batches end; `seconds` of each but the first, which may hold the set-up."""
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.ends: list[float] = []

        # A batch is done: Keras has fetched its loss for callbacks that do not say that they can wait.
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.ends.append(time.perf_counter())

        @property
        def seconds(self) -> list[float]:
            return list(np.diff(self.ends))

    return Clock()


def torch(network: str, images: Path, labels: np.ndarray, is_bfloat16: bool = False) -> Trainer:
    """The same network in PyTorch, channels last, eager, on a GPU where there is one; under autocast for bfloat16."""
    import torch
    from torch.optim import swa_utils

    from bench import in_torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    array = np.load(images, mmap_mode="r")
    model = in_torch.network(network, array.shape[1]).to(device, memory_format=torch.channels_last)
    params = train_params(network)
    loss_of = in_torch.loss(network, params.label_smoothing)
    optimizer = in_torch.adam(model, params)
    average = swa_utils.get_ema_multi_avg_fn(params.averaging)
    averaged = swa_utils.AveragedModel(model, multi_avg_fn=average) if params.averaging else None

    def train(n_batches: int) -> list[float]:
        seconds = []
        for i in range(n_batches):
            started = time.perf_counter()
            rows = np.arange(i * BATCH_SIZE, (i + 1) * BATCH_SIZE) % len(array)
            grey = torch.from_numpy(array[rows]).to(device).unsqueeze(1)
            y = torch.from_numpy(labels[rows]).to(device)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=is_bfloat16):
                logits = model(in_torch.inputs(network, grey))
            loss = loss_of(logits.float(), y)
            loss.backward()
            optimizer.step()
            if averaged:
                averaged.update_parameters(model)
            # Waits until the device is through with all that it was asked for.
            loss.item()
            seconds.append(time.perf_counter() - started)
        return seconds[1:]

    return train


WAYS = {
    "notebook": Way(notebook, backends=("tensorflow",), is_of_stacks=True),
    "ours": Way(ours, OURS_ENVIRONMENT),
    "torch_float32": Way(torch),
    "torch_bfloat16": Way(partial(torch, is_bfloat16=True)),
}
# Ours with one thing changed each, to see what it gives; and how far Keras' own mixed precision comes. What makes the
# fast layers fast is for TensorFlow: JAX compiles the whole step.
LEADS = {
    "ours, Keras' Adam": Way(ours_keras_adam, OURS_ENVIRONMENT, ("tensorflow",)),
    "ours, nothing fused": Way(ours_not_fused, OURS_ENVIRONMENT, ("tensorflow",)),
    "ours, malloc as it is": Way(ours, {}, ("tensorflow",)),
    "ours, kernel gradients as given": Way(ours_kernel_gradients_as_given, OURS_ENVIRONMENT, ("tensorflow",)),
    # TensorFlow's other convolutions: what it chooses by itself on processors without AVX512-VNNI.
    "ours, without oneDNN": Way(ours, OURS_ENVIRONMENT | {"TF_ENABLE_ONEDNN_OPTS": "0"}, ("tensorflow",)),
    # What it costs to bring each batch to a GPU.
    "ours, images on the device": Way(partial(ours, is_on_device=True), OURS_ENVIRONMENT, ("jax",)),
    # Another function: tells what dropout costs.
    "ours, no dropout": Way(partial(ours, dropout=0.0), OURS_ENVIRONMENT),
    "ours, float32": Way(partial(ours, precision="float32"), OURS_ENVIRONMENT),
    "notebook": WAYS["notebook"],
    "notebook, bfloat16": Way(partial(notebook, policy="mixed_bfloat16"), {}, ("tensorflow",), True),
}
ALL = WAYS | LEADS
