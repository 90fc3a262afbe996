"""Figures of a binary classifier from labels (0 or 1) and probabilities of label 1, both `(n,)`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

Labels = NDArray[np.integer[Any]]
Probabilities = NDArray[np.floating[Any]]

N_CALIBRATION_BINS = 10


def at_threshold(labels: Labels, probabilities: Probabilities, threshold: float) -> dict[str, float]:
    """Accuracy, sensitivity, specificity, precision and F1 where a probability >= threshold means label 1."""
    predicted = probabilities >= threshold
    return {
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "sensitivity": float(metrics.recall_score(labels, predicted, zero_division=0)),
        "specificity": float(metrics.recall_score(labels, predicted, pos_label=0, zero_division=0)),
        "precision": float(metrics.precision_score(labels, predicted, zero_division=0)),
        "f1": float(metrics.f1_score(labels, predicted, zero_division=0)),
    }


def of_probabilities(labels: Labels, probabilities: Probabilities) -> dict[str, float]:
    """Cross-entropy loss (nats), AUROC, Brier score and expected calibration error."""
    return {
        "loss": float(metrics.log_loss(labels, probabilities, labels=[0, 1])),
        "auroc": float(metrics.roc_auc_score(labels, probabilities)),
        "brier": float(metrics.brier_score_loss(labels, probabilities)),
        "ece": expected_calibration_error(labels, probabilities),
    }


def expected_calibration_error(labels: Labels, probabilities: Probabilities) -> float:
    """Mean over images of |observed frequency - mean probability| of the image's bin (Naeini et al. 2015)."""
    bins = calibration_bins(labels, probabilities)
    gaps = np.abs(bins["observed"] - bins["predicted"])
    return float((gaps * bins["n_images"]).sum() / len(labels))


def calibration_bins(labels: Labels, probabilities: Probabilities) -> dict[str, NDArray[Any]]:
    """Ten equal bins of probability, empty ones left out: mean `predicted`, `observed` frequency, `n_images`."""
    bins = np.minimum((probabilities * N_CALIBRATION_BINS).astype(int), N_CALIBRATION_BINS - 1)
    n_images = np.bincount(bins, minlength=N_CALIBRATION_BINS)
    is_used = n_images > 0
    sums = [np.bincount(bins, weights=each, minlength=N_CALIBRATION_BINS) for each in (probabilities, labels)]
    predicted, observed = (each[is_used] / n_images[is_used] for each in sums)
    return {"predicted": predicted, "observed": observed, "n_images": n_images[is_used]}


def choose_threshold(rule: float | str, labels: Labels, probabilities: Probabilities) -> float:
    """The threshold that `rule` asks for, from the labels and probabilities of the validation part.

    A number is itself. `youden` maximises sensitivity + specificity - 1 (Youden 1950); `sensitivity:x` is
    the highest threshold whose sensitivity is at least x.
    """
    if not isinstance(rule, str):
        return rule
    false_positive_rate, sensitivity, thresholds = metrics.roc_curve(labels, probabilities, drop_intermediate=False)
    if rule == "youden":
        best = int((sensitivity - false_positive_rate)[1:].argmax()) + 1
    else:
        best = int((sensitivity >= float(rule.removeprefix("sensitivity:"))).argmax())
    return float(thresholds[best])
