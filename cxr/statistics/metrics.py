"""Metrics of a binary classifier from labels (0 or 1), probabilities of label 1, and what it predicts, each `(n,)`.

`weights` say how often each image counts, like scikit-learn's sample_weight: `(n,)` for one value, `(draws, n)` for one
value per draw of a bootstrap; None counts each image once. A value has the weights' shape without its last axis, and
is NaN where it asks for a class that no weight falls on. A probability that is NaN, which would pass for one below
every threshold or above all others, is a ValueError.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
Probabilities = NDArray[np.floating[Any]]
Weights = NDArray[np.float64]
Values = NDArray[np.float64] | np.float64

N_CALIBRATION_BINS = 10


def accuracy(labels: Labels, predicted: Flags, weights: Weights | None = None) -> Values:
    """Share of images that are called what they are."""
    return _mean(predicted == labels, weights)


def balanced_accuracy(labels: Labels, predicted: Flags, weights: Weights | None = None) -> Values:
    """Mean of sensitivity and specificity: the accuracy where both classes count the same, whatever their shares."""
    return (sensitivity(labels, predicted, weights) + specificity(labels, predicted, weights)) / 2


def mcc(labels: Labels, predicted: Flags, weights: Weights | None = None) -> Values:
    """Matthews' correlation of labels and predictions, -1 to 1 (Matthews 1975); 0 where either has one class alone."""
    is_positive, weights = labels == 1, _weights(weights, len(labels))
    # Shares of images: of label 1, called 1, and both.
    total = weights.sum(axis=-1)
    labelled, called, both = (weights @ flags / total for flags in (is_positive, predicted, is_positive & predicted))
    spread = labelled * (1 - labelled) * called * (1 - called)
    # What rounding leaves of no spread is none.
    spread = np.where(spread > np.finfo(np.float64).eps, spread, np.inf)
    return np.asarray((both - labelled * called) / np.sqrt(spread))[()]


def sensitivity(labels: Labels, predicted: Flags, weights: Weights | None = None) -> Values:
    """Share of the images of label 1 that are called so."""
    return _mean(predicted, weights, labels == 1)


def specificity(labels: Labels, predicted: Flags, weights: Weights | None = None) -> Values:
    """Share of the images of label 0 that are called so."""
    return _mean(~predicted, weights, labels == 0)


def precision(labels: Labels, predicted: Flags, weights: Weights | None = None) -> Values:
    """Share of the images called 1 that are; 0 where none is called so (a network can end like that)."""
    return _zero_for_nan(_mean(labels == 1, weights, predicted))


def f1(labels: Labels, predicted: Flags, weights: Weights | None = None) -> Values:
    """Harmonic mean of precision and sensitivity: twice the images rightly called 1, by those that are or are called 1.

    0 where no image is either.
    """
    is_positive = labels == 1
    # Twice the true positives, by all labels 1 plus all predictions 1.
    hits, asked = (is_positive & predicted) * 2.0, is_positive * 1.0 + predicted
    weights = _weights(weights, len(labels))
    with np.errstate(invalid="ignore"):
        return _zero_for_nan((weights @ hits) / (weights @ asked))


def cross_entropy(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
    """Mean of -log(probability of the image's own label), in nats.

    Probabilities are kept one rounding step of their type away from 0 and 1, as scikit-learn's log_loss does.
    """
    step = np.finfo(probabilities.dtype).eps
    kept = np.clip(_known(probabilities), step, 1 - step)
    return _mean(-np.log(np.where(labels == 1, kept, 1 - kept)), weights)


def brier(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
    """Mean of (probability - label) squared (Brier 1950)."""
    return _mean((_known(probabilities) - labels) ** 2, weights)


def auroc(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
    """Area under the ROC curve: the Mann-Whitney statistic, ties counting half."""
    order = np.argsort(_known(probabilities), kind="stable")
    # Where every run of equal probabilities starts: images within a run are tied.
    starts = np.flatnonzero(np.diff(probabilities[order], prepend=-np.inf))
    ordered, is_positive = _weights(weights, len(labels))[..., order], labels[order]
    # Weight of either class in a run: (..., n) -> (..., runs).
    positive, negative = ordered * is_positive, ordered * (1 - is_positive)
    if len(starts) < len(order):
        positive, negative = (np.add.reduceat(weights, starts, axis=-1) for weights in (positive, negative))
    # For a positive image of a run: the negative ones below it, and half of those beside it.
    below = np.cumsum(negative, axis=-1) - negative / 2
    n_pairs = positive.sum(axis=-1) * negative.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray((positive * below).sum(axis=-1) / n_pairs)[()]


def expected_calibration_error(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> Values:
    """Mean over images of |observed frequency - mean probability| of the image's bin (Naeini et al. 2015)."""
    weights = _weights(weights, len(labels))
    is_in_bin = _bins(probabilities)[:, None] == np.arange(N_CALIBRATION_BINS)
    # (..., n) @ (n, bins) -> (..., bins): n_bin * (observed - predicted), so that the bin's size cancels.
    gaps = weights @ (is_in_bin * (labels - probabilities)[:, None])
    return np.abs(gaps).sum(axis=-1) / weights.sum(axis=-1)


def calibration_bins(labels: Labels, probabilities: Probabilities) -> dict[str, NDArray[Any]]:
    """Ten equal bins of probability, empty ones left out: mean `predicted`, `observed` frequency, `n_images`."""
    bins = _bins(probabilities)
    n_images = np.bincount(bins, minlength=N_CALIBRATION_BINS)
    is_used = n_images > 0
    sums = [np.bincount(bins, weights=values, minlength=N_CALIBRATION_BINS) for values in (probabilities, labels)]
    predicted, observed = (of_bins[is_used] / n_images[is_used] for of_bins in sums)
    return {"predicted": predicted, "observed": observed, "n_images": n_images[is_used]}


# The metrics of what is predicted, of probabilities, and those by which classifiers are compared, which have intervals,
# with the ends of their ranges. All else takes its metrics from here.
AT_THRESHOLD: dict[str, Callable[[Labels, Flags, Weights | None], Values]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "mcc": mcc,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "precision": precision,
    "f1": f1,
}
OF_PROBABILITIES: dict[str, Callable[[Labels, Probabilities, Weights | None], Values]] = {
    "loss": cross_entropy,
    "auroc": auroc,
    "brier": brier,
    "ece": expected_calibration_error,
}
COMPARED = {
    "accuracy": (0.0, 1.0),
    "balanced_accuracy": (0.0, 1.0),
    "mcc": (-1.0, 1.0),
    "auroc": (0.0, 1.0),
    "sensitivity": (0.0, 1.0),
    "specificity": (0.0, 1.0),
}
# Those that are the share of images called what they are, and of which labels.
SHARES = {"accuracy": (0, 1), "sensitivity": (1,), "specificity": (0,)}


def at_threshold(
    labels: Labels, probabilities: Probabilities, threshold: float, weights: Weights | None = None
) -> dict[str, Values]:
    """The metrics of predictions: an image is called 1 where its probability >= threshold."""
    predicted = _known(probabilities) >= threshold
    return {name: metric(labels, predicted, weights) for name, metric in AT_THRESHOLD.items()}


def of_probabilities(labels: Labels, probabilities: Probabilities, weights: Weights | None = None) -> dict[str, Values]:
    """Cross-entropy loss (nats), AUROC, Brier score and expected calibration error."""
    return {name: metric(labels, probabilities, weights) for name, metric in OF_PROBABILITIES.items()}


def compared(
    labels: Labels, probabilities: Probabilities, threshold: float, weights: Weights | None = None
) -> dict[str, Values]:
    """The metrics COMPARED."""
    predicted = _known(probabilities) >= threshold
    return {
        name: AT_THRESHOLD[name](labels, predicted, weights)
        if name in AT_THRESHOLD
        else OF_PROBABILITIES[name](labels, probabilities, weights)
        for name in COMPARED
    }


def _bins(probabilities: Probabilities) -> NDArray[np.int64]:
    """Each probability's bin, the last one closed: 1.0 belongs to it."""
    return np.minimum((_known(probabilities) * N_CALIBRATION_BINS).astype(int), N_CALIBRATION_BINS - 1)


def _known(probabilities: Probabilities) -> Probabilities:
    """The probabilities. Raises ValueError where one is NaN."""
    if np.isnan(probabilities).any():
        raise ValueError("a probability is NaN")
    return probabilities


def _weights(weights: Weights | None, n: int) -> Weights:
    return np.ones(n) if weights is None else weights


def _mean(values: NDArray[Any], weights: Weights | None, among: Flags | None = None) -> Values:
    """Weighted mean of values `(n,)` over the images `among` `(n,)`, all without it; NaN where these have no weight."""
    weights = _weights(weights, len(values))
    asked = np.ones(len(values)) if among is None else among.astype(np.float64)
    # (draws, n) @ (n,) -> (draws,): a matrix product serves all draws at once.
    with np.errstate(invalid="ignore"):
        return (weights @ (values * asked)) / (weights @ asked)


def _zero_for_nan(values: Values) -> Values:
    return np.nan_to_num(values, nan=0.0)
