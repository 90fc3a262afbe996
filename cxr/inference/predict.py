"""Probabilities of a trained network."""

from typing import Any

import numpy as np
from scipy.special import expit

from cxr.networks.backend import keras
from cxr.networks.batches import Batches, Images, Part


def predict(network: keras.Model, images: Images, rows: Any, batch_size: int = 64) -> Any:
    """Probabilities of pneumonia, float64 `(n,)`, of the chosen rows of uint8 images `(n, size, size)`."""
    part = Part(rows=rows, labels=np.zeros(len(rows), np.uint8))
    logits = network.predict(Batches(images, part, np.arange(len(rows)), batch_size), verbose=0)
    return expit(logits[:, 0].astype(np.float64))
