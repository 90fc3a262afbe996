"""Probabilities of a trained network."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cxr.networks import augmentation
from cxr.networks.backend import keras
from cxr.networks.batches import Batches, Change, Images, Part

WHOLE = 1.0


def check_output(network: keras.Model) -> None:
    """Raises ValueError where a network gives something else than one logit of pneumonia for each image."""
    if network.output_shape[-1] != 1:
        raise ValueError(
            f"the network gives {network.output_shape[-1]} logits for each image, not one of pneumonia; "
            "cxr.networks.network.folded makes one of those of etiologies"
        )


def predict(network: keras.Model, images: Images, rows: Any, batch_size: int = 64) -> Any:
    """Probabilities of pneumonia, float64 `(n,)`, of the chosen rows of uint8 images `(n, size, size)`.

    Raises ValueError as `check_output`.
    """
    return expit(logits(network, images, rows, batch_size=batch_size))


def logits(
    network: keras.Model, images: Images, rows: Any, *, crop: float = WHOLE, flip: bool = False, batch_size: int = 64
) -> Any:
    """Logits of pneumonia, float64 `(n,)`, of the chosen rows of uint8 images `(n, size, size)`.

    `crop`: the network sees the middle of each image, so much of its width and height; a network that was trained on
    crops has seen things larger than they are (Touvron et al. 2019). `flip`: the mean with that of the mirror image.
    Raises ValueError as `check_output`.
    """
    check_output(network)
    if not len(rows):
        return np.empty(0)
    # All batches are full: a shorter one would be computed otherwise, and an image's last digits would depend on how
    # many others are asked for.
    padded = np.resize(rows, math.ceil(len(rows) / batch_size) * batch_size)
    part = Part(rows=padded, labels=np.zeros(len(padded), np.uint8))
    views = [_view(crop, is_flipped) for is_flipped in ([False, True] if flip else [False])]
    order = np.arange(len(padded))
    by_view = [network.predict(Batches(images, part, order, batch_size, change=view), verbose=0) for view in views]
    return np.mean([logits[: len(rows), 0].astype(np.float64) for logits in by_view], axis=0)


def _view(crop: float, is_flipped: bool) -> Change | None:
    """The middle of images, perhaps mirrored, at their own size; None for the images themselves."""
    if crop == WHOLE and not is_flipped:
        return None

    def change(images: Images, rows: NDArray[np.int64]) -> Images:
        middle = np.tile([(1 - crop) / 2, crop], (len(images), 1))
        mirrored = np.tile([(1 + crop) / 2, -crop], (len(images), 1))
        return augmentation.crop(images, across=mirrored if is_flipped else middle, down=middle)

    return change
