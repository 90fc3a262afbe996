"""Batches of images, read as they are needed."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.networks import devices
from cxr.networks.backend import keras

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Floats = NDArray[np.float32]
# From images `(n, height, width)` and their rows of the image array to images as the network shall see them.
Change = Callable[[Images, NDArray[np.int64]], Images]


@dataclass(frozen=True)
class Part:
    """Images of one part of a split: their rows in the image array, and their labels, both `(n,)`.

    A label is 0 for normal; for pneumonia 1, or its place in ETIOLOGIES where that is the target.
    """

    rows: NDArray[np.int64]
    labels: Labels


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of a part in the order given, read from the image array as they are needed.

    `n_classes`: with 2 a batch's targets are its labels `(n, 1)`, with more one column for each class `(n, n_classes)`.
    `change`: what to do with its images. `weights`: of the classes in the loss `(n_classes,)`. `n_devices`: with more
    than one a batch is as `devices.fill` makes it.
    """

    def __init__(
        self,
        images: Images,
        part: Part,
        order: NDArray[np.int64],
        batch_size: int,
        *,
        n_classes: int = 2,
        change: Change | None = None,
        weights: Floats | None = None,
        n_devices: int = 1,
    ) -> None:
        # With one worker Keras lets TensorFlow tune the queue, and the end of an epoch may wait 10 s for the tuner;
        # with more, Keras loses or displaces the batches that it drew to build the network: on JAX in the first epoch,
        # on several devices of TensorFlow in every one.
        super().__init__(workers=2 if keras.backend.backend() == "tensorflow" and n_devices == 1 else 1)
        self.n_devices = n_devices
        self.images, self.part, self.order, self.batch_size = images, part, order, batch_size
        self.n_classes, self.change, self.weights = n_classes, change, weights

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __getitem__(self, i: int) -> tuple[Images, Floats] | tuple[Images, Floats, Floats]:
        chosen = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        rows, labels = self.part.rows[chosen], self.part.labels[chosen]
        images = self.images[rows]
        if self.change:
            images = self.change(images, rows)
        targets = labels[:, None] if self.n_classes == 2 else labels[:, None] == np.arange(self.n_classes)
        batch = images[:, :, :, None], targets.astype(np.float32)
        weights = None if self.weights is None else self.weights[labels]
        if self.n_devices > 1:
            return devices.fill(*batch, weights, self.n_devices)
        return batch if weights is None else (*batch, weights)
