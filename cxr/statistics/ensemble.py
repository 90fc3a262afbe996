"""Several classifiers as one: the mean of their logits."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from cxr.statistics.comparison import KEYS, Classifier, check_same_images

# Logits beyond 36.7 give a probability of 1 in float64. One of 0 is told down to -745, but is to weigh no more.
STEP = float(1 - np.nextafter(1, 0))


def ensemble(name: str, classifiers: list[Classifier]) -> Classifier:
    """The classifier whose logit is the mean of theirs, and its threshold that of their thresholds, in logits as well.

    Raises UserError where they were not tested on the same images.
    """
    tables = [classifier.predictions.sort_values("path", ignore_index=True) for classifier in classifiers]
    for classifier, table in zip(classifiers, tables, strict=True):
        check_same_images(classifiers[0].name, tables[0], classifier.name, table)
    probabilities = np.stack([table["probability"].to_numpy(dtype=np.float64) for table in tables])  # (classifiers, n)
    threshold = mean_logit(np.array([classifier.threshold for classifier in classifiers]))
    return Classifier(name, tables[0][KEYS].assign(probability=mean_logit(probabilities)), float(threshold))


def mean_logit(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability whose logit is the mean over the first axis; `(k, ...)` to `(...)`."""
    return np.asarray(expit(logit(np.clip(probabilities, STEP, 1 - STEP)).mean(axis=0)))
