"""Classifiers of made images, and what their trainings have in common, for the tests of this room."""

import numpy as np
import pandas as pd

from cxr.statistics import comparison
from cxr.statistics.comparison import Classifier, Comparison


def sample(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities with ties, and patient groups of different sizes."""
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, n // 2, n))
    labels = rng.integers(0, 2, n // 2)[groups]
    probabilities = np.round(1 / (1 + np.exp(-(labels * 1.5 - 0.75 + rng.normal(0, 1, n)))), 2)
    return labels, probabilities, groups


def classifier(name: str, accuracy: float, seed: int, n: int = 400, shared: float = 0.0) -> Classifier:
    """Right with probability `accuracy`; a share of its errors follows the image, so that classifiers agree."""
    rng, of_images = np.random.default_rng([1, seed]), np.random.default_rng(0)
    labels, difficulty = of_images.integers(0, 2, n), of_images.random(n)
    luck = np.where(rng.random(n) < shared, difficulty, rng.random(n))
    sure = 0.5 + 0.5 * np.abs(luck - accuracy)
    right = luck < accuracy
    probability = np.where(right == (labels == 1), sure, 1 - sure)
    columns = {"path": [f"{i:04d}" for i in range(n)], "patient_group": np.arange(n) // 2, "label": labels}
    return Classifier(name, pd.DataFrame({**columns, "probability": probability}), 0.5)


def exact(share: float, n: int) -> Classifier:
    """A classifier that is right on exactly this share of n images of n patients."""
    labels = np.arange(n) % 2
    is_right = np.arange(n) < round(share * n)
    columns = {"path": [f"{i:03d}" for i in range(n)], "patient_group": [f"p{i}" for i in range(n)], "label": labels}
    return Classifier("exact", pd.DataFrame(columns).assign(probability=np.where(is_right, labels, 1 - labels)), 0.5)


def compared(
    one: list[Classifier], two: list[Classifier], n_samples: int, seed: int, margin: float | None = None
) -> Comparison:
    """Two configurations, compared alone."""
    measured = [comparison.measure(trainings[0].name, trainings, n_samples, seed) for trainings in (one, two)]
    return comparison.compare(measured, margin)[0]


def nested(sizes: list[int], variance: float, within: float, across: float) -> np.ndarray:
    """The covariance matrix of trainings nested in configurations of these sizes."""
    owner = np.repeat(np.arange(len(sizes)), sizes)
    matrix = np.where(owner[:, None] == owner, within, across)
    np.fill_diagonal(matrix, variance)
    return matrix
