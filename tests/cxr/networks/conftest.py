"""A tiny training that learns in seconds: its parameters, network and images."""

from typing import Any

import numpy as np

from cxr.networks import network
from cxr.networks.backend import keras
from cxr.networks.batches import Part
from cxr.networks.params import AugmentParams, ModelParams, Target

# A section `model` and a section `train` with every key of theirs; tests change what they need.
MODEL = {
    "architecture": "stack",
    "weights": "none",
    "layers": "C4-P-F-D8",
    "filters": [4, 4],
    "dense_units": 8,
    "dropout": 0.3,
}
PARAMS = {
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 1e-2,
    "schedule": "constant",
    "warmup_epochs": 0,
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "balance": False,
    "averaging": 0.0,
    "target": "pneumonia",
    "precision": "auto",
    "devices": 1,
    "seed": 5,
}
# Every key that is not neutral.
RECIPE = {
    "schedule": "cosine",
    "warmup_epochs": 1,
    "weight_decay": 0.05,
    "label_smoothing": 0.1,
    "balance": True,
    "averaging": 0.9,
    "target": "etiology",
}
AUGMENT = AugmentParams(
    min_area=0.3,
    max_aspect=1.3,
    flip=True,
    rotation=5.0,
    brightness=0.2,
    contrast=0.2,
    gamma=0.2,
    jpeg_quality=70,
    noise=0.02,
)
SIZE = 12


def model_params(**changes: Any) -> ModelParams:
    return ModelParams(**{**MODEL, **changes})


def build(precision: str = "float32", seed: int = 5, target: Target = "pneumonia") -> keras.Model:
    return network.build(model_params(), SIZE, precision=precision, seed=seed, target=target)


def data(n: int = 96, contrast: int = 100) -> tuple[np.ndarray, Part, Part]:
    """Bright squares for label 1, so that there is something to learn."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n).astype(np.uint8)
    images = rng.integers(0, 120, (n, SIZE, SIZE)).astype(np.uint8)
    images[labels == 1, 4:8, 4:8] += contrast
    rows = rng.permutation(n)
    half = 2 * n // 3
    return images, *(Part(part, labels[part]) for part in (rows[:half], rows[half:]))


def without_time(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


def same(one: list, two: list) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
