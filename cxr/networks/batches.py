"""Batches of images, read as they are needed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.networks.backend import keras

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Part:
    """Images of one part of a split: their rows in the image array, and their labels, both `(n,)`."""

    rows: NDArray[np.int64]
    labels: Labels


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of a part in the order given, read from the image array as they are needed."""

    def __init__(self, images: Images, part: Part, order: NDArray[np.int64], batch_size: int) -> None:
        # With one worker Keras lets TensorFlow tune the queue, and the end of an epoch may wait 10 s for the tuner;
        # with more, Keras on JAX loses batches of the first epoch, those it drew to build the network.
        super().__init__(workers=2 if keras.backend.backend() == "tensorflow" else 1)
        self.images, self.part, self.order, self.batch_size = images, part, order, batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __getitem__(self, i: int) -> tuple[Images, NDArray[np.float32]]:
        chosen = self.order[i * self.batch_size : (i + 1) * self.batch_size]
        labels = self.part.labels[chosen].astype(np.float32)
        return self.images[self.part.rows[chosen], :, :, None], labels[:, None]
