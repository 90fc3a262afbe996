"""Ways to train the same network: ours, the notebook's, PyTorch's. Each yields the seconds of every batch."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cxr.networks import notation

BATCH_SIZE = 32
LEARNING_RATE = 1e-4
DROPOUT = 0.3
FILTERS = [64, 128]
DENSE_UNITS = 128

OURS_PLAIN_MALLOC = "ours, malloc as it is"
# What stage `train` sets for the process.
OURS_ENVIRONMENT = dict(re.findall(r"\b([A-Z_]+)=(\S+)", (Path(__file__).parents[1] / "dvc.yaml").read_text()))

# Trains that many batches; the seconds of each.
Trainer = Callable[[int], list[float]]


def steps(layers: str) -> list[notation.Convolution | notation.Pooling]:
    return notation.features(notation.parse(layers), FILTERS)


def ours(
    layers: str, images: Path, labels: np.ndarray, *, dropout: float = DROPOUT, precision: str = "auto"
) -> Trainer:
    """As stage `train` does it."""
    from cxr.networks import network, training
    from cxr.networks.backend import resolve_precision
    from cxr.networks.batches import Batches, Part

    array = np.load(images, mmap_mode="r")
    params = network.ModelParams(layers=layers, filters=FILTERS, dense_units=DENSE_UNITS, dropout=dropout)
    model = network.build(params, array.shape[1], precision=resolve_precision(precision), seed=0)
    training.compile_network(model, LEARNING_RATE)
    part = Part(np.arange(len(array)), labels)

    def train(n_batches: int) -> list[float]:
        clock = _clock()
        order = np.arange(n_batches * BATCH_SIZE) % len(array)
        model.fit(Batches(array, part, order, BATCH_SIZE), shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds

    return train


def ours_without_dropout(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Another function: tells what dropout costs."""
    return ours(layers, images, labels, dropout=0.0)


def ours_float32(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    return ours(layers, images, labels, precision="float32")


def ours_keras_adam(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but Adam in the many passes that Keras takes."""
    from cxr.networks import training
    from cxr.networks.backend import keras

    training.Adam = keras.optimizers.Adam  # type: ignore[attr-defined, assignment, misc]
    return ours(layers, images, labels)


def ours_not_fused(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but a pass for each operation, and dropout's masks from a random float per value, as Keras makes them."""
    import tensorflow as tf

    from cxr.networks.fast import layers as fast_layers
    from cxr.networks.fast import optimizer

    def keep_mask(shape: Any, rate: float, seed: Any) -> Any:
        return tf.random.stateless_uniform(shape, seed) >= rate

    fast_layers.fused = optimizer.fused = lambda function: function
    fast_layers.keep_mask = keep_mask
    return ours(layers, images, labels)


def ours_kernel_gradients_as_given(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but the kernels' gradients as the library computes them everywhere."""
    from cxr.networks.fast import layers as fast_layers

    fast_layers.has_slow_kernel_gradients = lambda dtype: False  # type: ignore[attr-defined]
    return ours(layers, images, labels)


def ours_without_onednn(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but with TensorFlow's other convolutions: what it chooses by itself on processors without AVX512-VNNI."""
    # Read when TensorFlow is imported.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    return ours(layers, images, labels)


def notebook_bfloat16(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """The notebook's way with nothing but Keras' own mixed precision."""
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    return notebook(layers, images, labels)


def notebook(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """As the study describes it: all images as float32 with three channels in memory, plain Keras layers, `fit`."""
    import keras

    x = notebook_images(np.load(images))
    plain = notebook_network(layers, x.shape[1])
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    # On a CPU XLA is several times slower, and Keras leaves it off there too.
    plain.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"], jit_compile=False)

    def train(n_batches: int) -> list[float]:
        clock = _clock()
        plain.fit(
            x, labels.astype(np.float32), batch_size=BATCH_SIZE, steps_per_epoch=n_batches, verbose=0, callbacks=[clock]
        )
        return clock.seconds

    return train


def notebook_images(images: np.ndarray) -> np.ndarray:
    """Grey bytes `(n, size, size)` as float32 from 0 to 1 in three equal channels."""
    return np.repeat(images[:, :, :, None], 3, axis=3).astype(np.float32) / 255


def notebook_network(layers: str, size: int) -> Any:
    import keras

    plain = keras.Sequential([keras.Input((size, size, 3))])
    for layer in steps(layers):
        if isinstance(layer, notation.Convolution):
            plain.add(keras.layers.Conv2D(layer.filters, 3, padding="same", activation="relu"))
        if isinstance(layer, notation.Pooling) or layer.is_pooled:
            plain.add(keras.layers.MaxPooling2D(2, padding="same"))
        if isinstance(layer, notation.Pooling) or layer.has_dropout:
            plain.add(keras.layers.Dropout(DROPOUT))
    plain.add(keras.layers.Flatten())
    for units in notation.dense_units(notation.parse(layers), DENSE_UNITS):
        plain.add(keras.layers.Dense(units, activation="relu"))
        plain.add(keras.layers.Dropout(DROPOUT))
    plain.add(keras.layers.Dense(1, activation="sigmoid"))
    return plain


def _clock() -> Any:
    """A Keras callback that notes when batches end; `seconds` of each but the first, which may hold the set-up."""
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.ends: list[float] = []

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.ends.append(time.perf_counter())

        @property
        def seconds(self) -> list[float]:
            return list(np.diff(self.ends))

    return Clock()


def torch_float32(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    return _torch(layers, images, labels, is_bfloat16=False)


def torch_bfloat16(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    return _torch(layers, images, labels, is_bfloat16=True)


def _torch(layers: str, images: Path, labels: np.ndarray, is_bfloat16: bool) -> Trainer:
    """The same network in PyTorch, channels last, eager; under autocast for bfloat16."""
    import torch
    from torch import nn

    array = np.load(images, mmap_mode="r")
    model = nn.Sequential(*_torch_layers(layers, array.shape[1])).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, eps=1e-7)
    loss_of = nn.BCEWithLogitsLoss()

    def train(n_batches: int) -> list[float]:
        seconds = []
        for i in range(n_batches):
            started = time.perf_counter()
            rows = np.arange(i * BATCH_SIZE, (i + 1) * BATCH_SIZE) % len(array)
            grey = torch.from_numpy(array[rows]).unsqueeze(1).float().div_(255)
            x = grey.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
            y = torch.from_numpy(labels[rows].astype(np.float32)).unsqueeze(1)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_bfloat16):
                logits = model(x)
            loss = loss_of(logits.float(), y)
            loss.backward()
            optimizer.step()
            loss.item()
            seconds.append(time.perf_counter() - started)
        return seconds[1:]

    return train


def _torch_layers(layers: str, size: int) -> Iterator[Any]:
    from torch import nn

    n_channels = 3
    for layer in steps(layers):
        if isinstance(layer, notation.Convolution):
            yield nn.Conv2d(n_channels, layer.filters, 3, padding=1)
            yield nn.ReLU()
            n_channels = layer.filters
        if isinstance(layer, notation.Pooling) or layer.is_pooled:
            yield nn.MaxPool2d(2, ceil_mode=True)
            size = -(-size // 2)
        if isinstance(layer, notation.Pooling) or layer.has_dropout:
            yield nn.Dropout(DROPOUT)
    yield nn.Flatten()
    n_inputs = n_channels * size * size
    for units in notation.dense_units(notation.parse(layers), DENSE_UNITS):
        yield from (nn.Linear(n_inputs, units), nn.ReLU(), nn.Dropout(DROPOUT))
        n_inputs = units
    yield nn.Linear(n_inputs, 1)


# Ours with one thing changed each, to see what it gives; and how far Keras' own mixed precision comes.
LEADS = {
    "ours, Keras' Adam": ours_keras_adam,
    "ours, nothing fused": ours_not_fused,
    OURS_PLAIN_MALLOC: ours,
    "ours, kernel gradients as given": ours_kernel_gradients_as_given,
    "ours, without oneDNN": ours_without_onednn,
    "ours, no dropout": ours_without_dropout,
    "ours, float32": ours_float32,
    "notebook": notebook,
    "notebook, bfloat16": notebook_bfloat16,
}
WAYS: dict[str, Callable[[str, Path, np.ndarray], Trainer]] = {
    "notebook": notebook,
    "ours": ours,
    "torch_float32": torch_float32,
    "torch_bfloat16": torch_bfloat16,
}
