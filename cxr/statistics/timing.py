"""Which of two networks trains faster, beyond the spread of runs that should take equally long."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from cxr.statistics.estimate import Estimate


@dataclass(frozen=True)
class Noise:
    """How far the speeds of runs of equal networks lie apart: variance of their logarithms, degrees of freedom."""

    variance: float
    degrees: int

    @property
    def factor(self) -> float:
        """By what factor the ratio of two such runs' speeds differs from 1 in 1 of 20 pairs, or more."""
        return math.exp(self.margin(2.0))

    def margin(self, share: float) -> float:
        """Half-width of a 95% interval of a logarithm whose variance is this share of a run's."""
        return -float(stdtrit(self.degrees, 0.025)) * math.sqrt(self.variance * share)


def noise(equal_runs: list[list[float]]) -> Noise | None:
    """The noise of a speed, from runs of equal networks in images per second, a list for each network.

    Their deviations, taken relative to the network and pooled. None where no network has two runs, so that nobody
    knows it.
    """
    logs = [np.log(speeds) for speeds in equal_runs]
    degrees = sum(len(of_network) - 1 for of_network in logs)
    if degrees == 0:
        return None
    return Noise(sum(float(((of_network - of_network.mean()) ** 2).sum()) for of_network in logs) / degrees, degrees)


def speed_ratio(one: list[float], two: list[float], noise: Noise) -> Estimate:
    """How many times as fast as the runs `two` the runs `one` are, all in images per second, with a 95% interval.

    Ratio of geometric means, t interval of their logarithms with the noise's degrees of freedom.
    """
    difference = float(np.log(one).mean() - np.log(two).mean())
    margin = noise.margin(1 / len(one) + 1 / len(two))
    return Estimate(*(math.exp(difference + end) for end in (0, -margin, margin)))
