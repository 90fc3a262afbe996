"""Which of two networks trains faster, beyond the spread of runs that should take equally long."""

import math

import numpy as np
from scipy.stats import t

from cxr.statistics.estimate import Estimate


def speed_ratio(one: list[float], two: list[float], equal_runs: list[list[float]]) -> Estimate | None:
    """How many times as fast as the runs `two` the runs `one` are, all in images per second, with a 95% interval.

    `equal_runs`: speeds of runs of equal networks, a list for each network. Their deviations, taken relative to the
    network and pooled, are the noise of a speed; None where no network has two runs, so that nobody knows it.
    Ratio of geometric means, t interval of their logarithms with the noise's degrees of freedom.
    """
    logs = [np.log(speeds) for speeds in equal_runs]
    degrees = sum(len(of_network) - 1 for of_network in logs)
    if degrees == 0:
        return None
    variance = sum(float(((of_network - of_network.mean()) ** 2).sum()) for of_network in logs) / degrees
    difference = float(np.log(one).mean() - np.log(two).mean())
    margin = float(t.isf(0.025, degrees)) * math.sqrt(variance * (1 / len(one) + 1 / len(two)))
    return Estimate(*(math.exp(difference + end) for end in (0, -margin, margin)))
