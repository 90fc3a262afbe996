"""Test parts whose truth is known: binormal scores of images that patients have several of.

Scores of an image are binormal: 0 or `d` by its label, plus noise of variance 1, of which a share `rho` is common to
all images of a patient. So AUROC = Phi(d / sqrt 2), sensitivity = Phi(d - t), specificity = Phi(t) at threshold t.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Kaggle's test folder: 624 images, 428 patient groups, 62.5% pneumonia.
N_GROUPS, IMAGES_PER_GROUP, PREVALENCE = 428, 1.46, 0.625
THRESHOLD = 1.2
# Share of the noise that all networks have in common: they err on the same images.
SHARED_NOISE = 0.7

Noise = Callable[[], NDArray[np.float64]]


def test_part(rng: np.random.Generator, rho: float) -> tuple[NDArray[np.int64], NDArray[np.int64], Noise]:
    """Patient groups and labels `(n,)` of a test part, and a source of noise of its images."""
    groups = np.repeat(np.arange(N_GROUPS), 1 + rng.poisson(IMAGES_PER_GROUP - 1, N_GROUPS))
    labels = (rng.random(N_GROUPS) < PREVALENCE).astype(int)[groups]

    def noise() -> NDArray[np.float64]:
        of_groups = rng.normal(size=N_GROUPS)[groups]
        return np.asarray(np.sqrt(rho) * of_groups + np.sqrt(1 - rho) * rng.normal(size=len(groups)))

    return groups, labels, noise
