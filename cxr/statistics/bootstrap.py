"""Confidence intervals by resampling patient groups, all draws at once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr.statistics.metrics import Labels, Probabilities

INTERVAL = (2.5, 97.5)
N_DRAWS_AT_ONCE = 256

Weights = NDArray[np.float64]


def group_weights(groups: NDArray[Any], n_samples: int, seed: int) -> Iterator[Weights]:
    """How often each image is drawn when its groups are drawn with replacement: blocks of `(draws, n)`.

    A group comes with all its images or not at all, as patients do (cluster bootstrap, Field and Welsh 2007).
    """
    names, group_of_image = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    evenly = np.full(len(names), 1 / len(names))
    for start in range(0, n_samples, N_DRAWS_AT_ONCE):
        n_draws = min(N_DRAWS_AT_ONCE, n_samples - start)
        yield rng.multinomial(len(names), evenly, size=n_draws)[:, group_of_image].astype(np.float64)


def weighted_auroc(labels: Labels, probabilities: Probabilities, weights: Weights) -> NDArray[np.float64]:
    """AUROC of each row of weights `(draws, n)`: the weighted Mann-Whitney statistic, ties counting half.

    NaN for a draw without both classes.
    """
    order = np.argsort(probabilities, kind="stable")
    starts = np.flatnonzero(np.diff(probabilities[order], prepend=-np.inf))
    positive = np.add.reduceat((weights * labels)[:, order], starts, axis=1)
    negative = np.add.reduceat((weights * (1 - labels))[:, order], starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return (positive * below).sum(axis=1) / pairs


def draws(
    labels: Labels, probabilities: Probabilities, groups: NDArray[Any], threshold: float, n_samples: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """`(n_samples,)` bootstrap values of accuracy, auroc, sensitivity and specificity; NaN where undefined."""
    is_right = ((probabilities >= threshold) == labels).astype(np.float64)
    blocks = [
        {
            "accuracy": _mean(is_right, weights),
            "auroc": weighted_auroc(labels, probabilities, weights),
            "sensitivity": _mean(is_right, weights * labels),
            "specificity": _mean(is_right, weights * (1 - labels)),
        }
        for weights in group_weights(groups, n_samples, seed)
    ]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95% percentile interval of bootstrap values, undefined draws left out."""
    low, high = np.nanpercentile(values, INTERVAL)
    return float(low), float(high)


def _mean(values: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """Weighted mean per draw; NaN where all weights are 0."""
    with np.errstate(invalid="ignore"):
        return (weights @ values) / weights.sum(axis=1)
