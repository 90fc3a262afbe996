"""One number that makes a network's probabilities honest (Guo et al. 2017, "On calibration of modern networks")."""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit

# Natural logarithms of the smallest and largest temperature.
RANGE = (-4.0, 4.0)
# How near to an end the search stops where the least lies beyond it.
AT_END = 1e-3


def fit(labels: Any, logits: Any) -> float | None:
    """The temperature that gives `logits / temperature` the least cross-entropy with `labels`, both `(n,)`.

    None where that is no number between the ends of RANGE: logits that separate the labels want one of 0, those that
    say nothing of them one without end.
    """
    signed = np.where(np.asarray(labels) == 1, logits, np.negative(logits))
    found = minimize_scalar(lambda log: -np.mean(log_expit(signed / np.exp(log))), bounds=RANGE, method="bounded")
    is_inside = RANGE[0] + AT_END < found.x < RANGE[1] - AT_END
    return float(np.exp(found.x)) if is_inside else None
