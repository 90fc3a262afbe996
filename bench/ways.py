"""Ways to train the same network: ours, the notebook's, PyTorch's."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cxr.networks import notation

BATCH_SIZE = 32
LEARNING_RATE = 1e-4
DROPOUT = 0.3
FILTERS = [64, 128]
DENSE_UNITS = 128

# What stage `train` sets for the process.
MALLOC = Path(notation.__file__).with_name("malloc.env")
OURS_ENVIRONMENT = dict(word.split("=", 1) for word in MALLOC.read_text().split())

# Trains that many batches; the seconds of each.
Trainer = Callable[[int], list[float]]


@dataclass(frozen=True)
class Way:
    """A way to train: what makes the trainer of layers, images and labels, in a process with this environment."""

    trainer: Callable[[str, Path, np.ndarray], Trainer]
    environment: Mapping[str, str] = field(default_factory=dict)


def steps(layers: str) -> list[notation.Step]:
    return notation.steps(layers, FILTERS, DENSE_UNITS)


def stack(layers: str, dropout: float) -> Any:
    """Section `model` of a stack of the study."""
    from cxr.networks.params import ModelParams

    widths: dict[str, Any] = {"filters": FILTERS, "dense_units": DENSE_UNITS}
    return ModelParams(architecture="stack", weights="none", layers=layers, dropout=dropout, **widths)


def ours(
    layers: str,
    images: Path,
    labels: np.ndarray,
    *,
    dropout: float = DROPOUT,
    precision: str = "auto",
    techniques: Any = None,
    adam: Any = None,
) -> Trainer:
    """As stage `train` does it; `techniques` of the fast layers and `adam` where they are others than usual."""
    from cxr.networks import network, training
    from cxr.networks.backend import resolve_precision
    from cxr.networks.batches import Batches, Part
    from cxr.networks.fast import stack as fast

    array = np.load(images, mmap_mode="r")
    fused = partial(fast.stack, techniques=techniques) if techniques else fast.stack
    params = stack(layers, dropout)
    model = network.build(params, array.shape[1], precision=resolve_precision(precision), seed=0, stack=fused)
    training.compile_network(model, LEARNING_RATE, adam or training.AveragedAdam)
    part = Part(np.arange(len(array)), labels)

    def train(n_batches: int) -> list[float]:
        clock = _clock()
        order = np.arange(n_batches * BATCH_SIZE) % len(array)
        model.fit(Batches(array, part, order, BATCH_SIZE), shuffle=False, verbose=0, callbacks=[clock])
        return clock.seconds

    return train


def ours_keras_adam(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but Adam in the many passes that Keras takes."""
    from cxr.networks.backend import keras

    return ours(layers, images, labels, adam=keras.optimizers.Adam)


def ours_not_fused(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but a pass for each operation, and dropout's masks from a random float per value, as Keras makes them."""
    import tensorflow as tf

    from cxr.networks.fast.layers import Techniques
    from cxr.networks.fast.optimizer import Adam

    def as_given(function: Any) -> Any:
        return function

    def random_mask(shape: Any, rate: float, seed: Any) -> Any:
        return tf.random.stateless_uniform(shape, seed) >= rate

    techniques = Techniques(fused=as_given, keep_mask=random_mask)
    return ours(layers, images, labels, techniques=techniques, adam=partial(Adam, in_one_pass=as_given))


def ours_kernel_gradients_as_given(layers: str, images: Path, labels: np.ndarray) -> Trainer:
    """Ours, but the kernels' gradients as the library computes them everywhere."""
    from cxr.networks.fast.layers import Techniques, convolve_as_given

    return ours(layers, images, labels, techniques=Techniques(convolve=convolve_as_given))


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

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.ends.append(time.perf_counter())

        @property
        def seconds(self) -> list[float]:
            return list(np.diff(self.ends))

    return Clock()


def torch(layers: str, images: Path, labels: np.ndarray, is_bfloat16: bool = False) -> Trainer:
    """The same network in PyTorch, channels last, eager; under autocast for bfloat16."""
    import torch
    from torch import nn

    array = np.load(images, mmap_mode="r")
    model = torch_network(layers, array.shape[1]).to(memory_format=torch.channels_last)
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


def torch_network(layers: str, size: int) -> Any:
    """Images `(n, 3, size, size)` to logits `(n, 1)`, in a torch.nn.Sequential."""
    from torch import nn

    return nn.Sequential(*_torch_layers(layers, size))


def _torch_layers(layers: str, size: int) -> Iterator[Any]:
    from torch import nn

    n_channels = n_inputs = notation.N_EQUAL_CHANNELS
    for step in steps(layers):
        match step:
            case notation.Convolution(filters):
                yield from (nn.Conv2d(n_channels, filters, 3, padding=1), nn.ReLU())
                n_channels = filters
            case notation.Pooling():
                yield nn.MaxPool2d(2, ceil_mode=True)
                size = -(-size // 2)
            case notation.Dropout():
                yield nn.Dropout(DROPOUT)
            case notation.Flatten():
                yield nn.Flatten()
                n_inputs = n_channels * size * size
            case notation.Dense(units):
                yield from (nn.Linear(n_inputs, units), nn.ReLU())
                n_inputs = units
    yield nn.Linear(n_inputs, 1)


WAYS = {
    "notebook": Way(notebook),
    "ours": Way(ours, OURS_ENVIRONMENT),
    "torch_float32": Way(torch),
    "torch_bfloat16": Way(partial(torch, is_bfloat16=True)),
}
# Ours with one thing changed each, to see what it gives; and how far Keras' own mixed precision comes.
LEADS = {
    "ours, Keras' Adam": Way(ours_keras_adam, OURS_ENVIRONMENT),
    "ours, nothing fused": Way(ours_not_fused, OURS_ENVIRONMENT),
    "ours, malloc as it is": Way(ours),
    "ours, kernel gradients as given": Way(ours_kernel_gradients_as_given, OURS_ENVIRONMENT),
    # TensorFlow's other convolutions: what it chooses by itself on processors without AVX512-VNNI.
    "ours, without oneDNN": Way(ours, OURS_ENVIRONMENT | {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    # Another function: tells what dropout costs.
    "ours, no dropout": Way(partial(ours, dropout=0.0), OURS_ENVIRONMENT),
    "ours, float32": Way(partial(ours, precision="float32"), OURS_ENVIRONMENT),
    "notebook": Way(notebook),
    "notebook, bfloat16": Way(partial(notebook, policy="mixed_bfloat16")),
}
