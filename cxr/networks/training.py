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
from cxr.networks import augmentation, devices
from cxr.networks.backend import gpus, keras
from cxr.networks.batches import Batches, Change, Floats, Images, Labels, Part
from cxr.networks.fast.optimizer import Adam
from cxr.networks.params import NEUTRAL, AugmentParams, TrainParams

HISTORY_COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"]

# Variables whose size says nothing of how well a network generalises: biases, gains, those of normalisations.
NOT_DECAYED = ["bias", "gain", "gamma", "beta"]


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
        # Without the bar, so that the figures stand in a line of 100 letters.
        self.bar.bar_format = "{desc}, {elapsed}{postfix}"
        self.bar.set_postfix_str(", ".join(f"{key} {value:.4f}" for key, value in (logs or {}).items()))
        self.bar.close()


class AveragedAdam(Adam):
    """Adam that leaves the averaged weights alone until they are asked for.

    Keras puts them in the weights' place at the end of each `fit`, which here is one epoch, not the training.
    """

    def finalize_variable_values(self, var_list: list[Any]) -> None:
        """Nothing: see `average`."""


def compile_network(
    network: keras.Model,
    learning_rate: Any,
    adam: Callable[..., keras.Optimizer] = AveragedAdam,
    *,
    weight_decay: float = 0.0,
    label_smoothing: float = 0.0,
    averaging: float = 0.0,
    n_devices: int = 1,
) -> None:
    """Adam on the cross-entropy of the logits, one or one for each etiology; accuracy at probability 0.5.

    `learning_rate`: a number or a schedule of Keras. `n_devices`: with more than one, for batches that `devices.fill`
    made. The rest: see TrainParams.
    """
    optimizer = adam(
        learning_rate,
        weight_decay=weight_decay or None,
        use_ema=averaging > 0,
        ema_momentum=averaging,
        name="adam",
    )
    optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    if network.output_shape[-1] == 1:
        kind, is_right = keras.losses.BinaryCrossentropy, binary_accuracy
        metrics = [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)]
    else:
        kind, is_right = keras.losses.CategoricalCrossentropy, folded_accuracy
        metrics = [keras.metrics.MeanMetricWrapper(folded_accuracy, name="accuracy")]
    loss = kind(from_logits=True, label_smoothing=label_smoothing)
    if n_devices > 1:
        loss, metrics = devices.over_images(loss, is_right)
    network.compile(
        optimizer=optimizer,
        loss=loss,
        metrics=metrics,
        # On a processor XLA makes TensorFlow's step slower and JAX's several times faster; on several devices JAX
        # divides the work when it compiles, and Keras compiles nothing for TensorFlow.
        jit_compile=False if keras.backend.backend() == "tensorflow" and not gpus() else "auto",
    )
    # Now, not at the first step: a resumed training puts the moments of each variable back before it.
    network.optimizer.build(network.trainable_variables)


def learning_rate(params: TrainParams, n_batches: int) -> Any:
    """The learning rate as Keras takes it: a number, or a function of the number of steps done."""
    if params.schedule == "constant":
        return params.learning_rate
    warmup = params.warmup_epochs * n_batches
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else params.learning_rate,
        decay_steps=params.epochs * n_batches - warmup,
        warmup_target=params.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def binary_accuracy(targets: Any, logits: Any) -> Any:
    """Whether normal or not is told right, `(n,)`, from targets and logits of pneumonia `(n, 1)`."""
    return keras.ops.equal(logits[:, 0] > 0, targets[:, 0] > 0.5)


def folded_accuracy(targets: Any, logits: Any) -> Any:
    """Whether normal or not is told right, `(n,)`, from targets and logits of the etiologies `(n, 3)`."""
    # Probabilities are in the ratio of exp(logit): normal against the sum of all pneumonias.
    says_normal = logits[:, 0] >= keras.ops.logsumexp(logits[:, 1:], axis=1)  # (n,)
    return keras.ops.equal(says_normal, targets[:, 0] > 0.5)


def train(
    network: keras.Model,
    images: Images,
    train: Part,
    val: Part,
    params: TrainParams,
    start: Progress,
    augment: AugmentParams = NEUTRAL,
) -> Iterator[list[dict[str, float]]]:
    """Train from `start` to `params.epochs`; yields the history after each epoch (HISTORY_COLUMNS, seconds).

    `images`: uint8 `(n, size, size)`. The order of epoch e and what `augment` does to an image in it depend on the seed
    and e alone, and all other state is in `start.variables` (see `variables`), so a resumed training equals an
    uninterrupted one. When all epochs are done, averaged weights take the weights' place. With `params.devices` > 1
    all this, and building the network, is to be done within `devices.shared`.
    Raises UserError when the loss is no longer a number.
    """
    compile_network(
        network,
        learning_rate(params, math.ceil(len(train.rows) / params.batch_size)),
        weight_decay=params.weight_decay,
        label_smoothing=params.label_smoothing,
        averaging=params.averaging,
        n_devices=params.devices,
    )
    if start.history:
        restore(network, start.variables)
    history = list(start.history)
    for epoch in range(len(history) + 1, params.epochs + 1):
        history.append(_epoch(network, images, train, val, params, augment, epoch))
        yield history
    average(network)


def _epoch(
    network: keras.Model,
    images: Images,
    train: Part,
    val: Part,
    params: TrainParams,
    augment: AugmentParams,
    epoch: int,
) -> dict[str, float]:
    """Train and validate one epoch; its row of the history."""
    # Of the seed and the epoch alone, not a stream that goes on from epoch to epoch: a resumed training draws the same.
    order = np.random.default_rng([params.seed, epoch]).permutation(len(train.rows))  # (n,)
    bar = _EpochBar(epoch, params.epochs, len(order), params.batch_size)
    n_classes = max(2, network.output_shape[-1])
    started = time.perf_counter()
    training = Batches(
        images,
        train,
        order,
        params.batch_size,
        n_classes=n_classes,
        change=_change(augment, len(images), params.seed, epoch),
        weights=class_weights(train.labels, n_classes) if params.balance else None,
        n_devices=params.devices,
    )
    validation = Batches(
        images, val, np.arange(len(val.rows)), params.batch_size, n_classes=n_classes, n_devices=params.devices
    )
    logs = network.fit(
        training,
        validation_data=validation,
        # The averaged weights, where there are any, take the others' place for the validation alone.
        callbacks=[bar, *([keras.callbacks.SwapEMAWeights()] if params.averaging else [])],
        shuffle=False,
        verbose=0,
    ).history
    row = {key: float(values[-1]) for key, values in logs.items()}
    if not (math.isfinite(row["loss"]) and _is_finite(network)):
        what = "some weights are no numbers" if math.isfinite(row["loss"]) else f"the training loss is {row['loss']}"
        raise UserError(f"{what} in epoch {epoch}; train.learning_rate {params.learning_rate:g} is too high")
    row |= {
        "epoch": epoch,
        "learning_rate": _rate_at(params, len(training), epoch),
        "seconds": time.perf_counter() - started,
    }
    return {column: row[column] for column in HISTORY_COLUMNS}


def _change(augment: AugmentParams, n_images: int, seed: int, epoch: int) -> Change | None:
    """What happens to an epoch's training images; None where that is nothing."""
    if augmentation.is_neutral(augment):
        return None
    draws = augmentation.draw(n_images, seed, epoch)
    return lambda images, rows: augmentation.augment(images, draws[rows], augment)


def class_weights(labels: Labels, n_classes: int) -> Floats:
    """Weights of the classes `(n_classes,)`, so that label 0 weighs as much as all others; their mean is 1 by image."""
    share = float(np.mean(labels == 0))
    return np.array([0.5 / share] + [0.5 / (1 - share)] * (n_classes - 1), np.float32)


def _rate_at(params: TrainParams, n_batches: int, epoch: int) -> float:
    """The learning rate of the last step of an epoch."""
    rate = learning_rate(params, n_batches)
    return float(rate(epoch * n_batches - 1)) if callable(rate) else params.learning_rate


def average(network: keras.Model) -> None:
    """Put the weights' running averages in their place, where there are any."""
    optimizer = network.optimizer
    if optimizer.use_ema:
        keras.optimizers.Adam.finalize_variable_values(optimizer, network.trainable_variables)


def _is_finite(network: keras.Model) -> bool:
    """Whether all weights are numbers: the networks' ReLU may turn what is none into 0, so that the loss looks well."""
    return all(bool(keras.ops.all(keras.ops.isfinite(weights))) for weights in network.trainable_variables)


def variables(network: keras.Model) -> Iterator[NDArray[Any]]:
    """Everything that changes during training: weights, dropout seeds, optimizer state; copied one at a time."""
    return (keras.ops.convert_to_numpy(variable) for variable in _all_variables(network))


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
