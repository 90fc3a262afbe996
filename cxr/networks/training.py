"""Train a network epoch by epoch, so that it can stop and go on with the same result."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cxr.errors import UserError
from cxr.networks.backend import gpus, keras
from cxr.networks.batches import Batches, Images, Part
from cxr.networks.fast.optimizer import Adam
from cxr.networks.params import TrainParams

HISTORY_COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"]


@dataclass
class Progress:
    """What a training has reached: its history so far and every variable needed to go on, read once."""

    history: list[dict[str, float]] = field(default_factory=list)
    variables: Iterable[NDArray[Any]] = ()


class _EpochBar(keras.callbacks.Callback):  # type: ignore[misc]
    """One progress bar per epoch, in images."""

    def __init__(self, epoch: int, n_epochs: int, n_images: int, batch_size: int) -> None:
        super().__init__()
        self.batch_size, self.n_images = batch_size, n_images
        self.bar = tqdm(total=n_images, desc=f"epoch {epoch}/{n_epochs}", unit="image", mininterval=1)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.update(min(self.batch_size, self.n_images - self.bar.n))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.bar.set_postfix({key: f"{value:.4f}" for key, value in (logs or {}).items()})
        self.bar.close()


def compile_network(network: keras.Model, learning_rate: float, adam: Callable[..., keras.Optimizer] = Adam) -> None:
    """Adam on binary cross-entropy of the logits; accuracy at probability 0.5."""
    network.compile(
        optimizer=adam(learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
        jit_compile="auto" if gpus() else False,
    )
    network.optimizer.build(network.trainable_variables)


def train(
    network: keras.Model, images: Images, train: Part, val: Part, params: TrainParams, start: Progress
) -> Iterator[list[dict[str, float]]]:
    """Train from `start` to `params.epochs`; yields the history after each epoch (HISTORY_COLUMNS, seconds).

    `images`: uint8 `(n, size, size)`. The order of epoch e depends on the seed and e alone, and all other
    state is in `start.variables` (see `variables`), so a resumed training equals an uninterrupted one.
    Raises UserError when the loss is no longer a number.
    """
    compile_network(network, params.learning_rate)
    if start.history:
        restore(network, start.variables)
    history = list(start.history)
    for epoch in range(len(history) + 1, params.epochs + 1):
        history.append(_epoch(network, images, train, val, params, epoch))
        yield history


def _epoch(
    network: keras.Model, images: Images, train: Part, val: Part, params: TrainParams, epoch: int
) -> dict[str, float]:
    """Train and validate one epoch; its row of the history."""
    order = np.random.default_rng([params.seed, epoch]).permutation(len(train.rows))
    bar = _EpochBar(epoch, params.epochs, len(order), params.batch_size)
    started = time.perf_counter()
    logs = network.fit(
        Batches(images, train, order, params.batch_size),
        validation_data=Batches(images, val, np.arange(len(val.rows)), params.batch_size),
        callbacks=[bar],
        shuffle=False,
        verbose=0,
    ).history
    row = {key: float(values[-1]) for key, values in logs.items()}
    if not (math.isfinite(row["loss"]) and _is_finite(network)):
        what = "some weights are no numbers" if math.isfinite(row["loss"]) else f"the training loss is {row['loss']}"
        raise UserError(f"{what} in epoch {epoch}; train.learning_rate {params.learning_rate:g} is too high")
    row |= {"epoch": epoch, "learning_rate": params.learning_rate, "seconds": time.perf_counter() - started}
    return {column: row[column] for column in HISTORY_COLUMNS}


def _is_finite(network: keras.Model) -> bool:
    """Whether all weights are numbers: the networks' ReLU may turn what is none into 0, so that the loss looks well."""
    return all(bool(keras.ops.all(keras.ops.isfinite(each))) for each in network.trainable_variables)


def variables(network: keras.Model) -> Iterator[NDArray[Any]]:
    """Everything that changes during training: weights, dropout seeds, optimizer state; copied one at a time."""
    return (keras.ops.convert_to_numpy(each.value) for each in _all_variables(network))


def restore(network: keras.Model, values: Iterable[NDArray[Any]]) -> None:
    """Put back what `variables` gave, into a network built and compiled alike."""
    for variable, value in zip(_all_variables(network), values, strict=True):
        variable.assign(value)


def _all_variables(network: keras.Model) -> list[Any]:
    return [*network.variables, *network.optimizer.variables]


def summary(network: keras.Model, history: list[dict[str, float]], n_images: int) -> dict[str, float | int | None]:
    """Figures of a finished training: weights, cost, the last losses and accuracies.

    `seconds` includes validation; `images_per_second` counts images of the training part; `loss_gap`: val_loss - loss.
    """
    last = history[-1]
    seconds = sum(row["seconds"] for row in history)
    return {
        "parameters": network.count_params(),
        "epochs": len(history),
        "seconds": seconds,
        "images_per_second": n_images * len(history) / seconds,
        **{key: last[key] for key in ("loss", "accuracy", "val_loss", "val_accuracy")},
        "loss_gap": last["val_loss"] - last["loss"],
    }
