"""One number that makes a network's probabilities honest (Guo et al. 2017, "On calibration of modern networks")."""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit

# Natural logarithms of the smallest and largest temperature.
RANGE = (-4.0, 4.0)


def fit(labels: Any, logits: Any) -> float:
    """The temperature that gives `logits / temperature` the least cross-entropy with `labels`, both `(n,)`."""
    signed = np.where(labels == 1, logits, -logits)
    found = minimize_scalar(lambda log: -np.mean(log_expit(signed / np.exp(log))), bounds=RANGE, method="bounded")
    return float(np.exp(found.x))
