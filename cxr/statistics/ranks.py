"""The place that a configuration would take after other trainings, among other patients."""

from dataclasses import dataclass

import numpy as np

from cxr.statistics import estimate
from cxr.statistics.bootstrap import INTERVAL
from cxr.statistics.comparison import Measured, spread


@dataclass(frozen=True)
class Rank:
    """A configuration's place by accuracy over draws of patients and trainings.

    `first`: share of draws in which it is the first; `low`, `high`: the places that 95% of the draws lie between.
    """

    first: float
    low: int
    high: int


def by_accuracy(configurations: list[Measured], seed: int) -> list[Rank]:
    """The place of each configuration by accuracy over as many draws of patients and trainings as were sampled.

    Patients are the bootstrap's. Trainings of a configuration with several are drawn about their mean with the variance
    between trainings, itself drawn with its degrees of freedom; one with a single training stays what it is.
    """
    together, rng = spread(configurations, "accuracy"), np.random.default_rng(seed)
    draws = np.array([estimate.mean(configuration.sampled["accuracy"]).draws for configuration in configurations])
    k, n_samples = draws.shape
    is_several = together.n > 1
    # Of the variance that several share one draw stands for all of them: (k, n_samples). What has none needs none.
    degrees = np.maximum(together.degrees, 1.0)[:, None]
    scale = rng.chisquare(degrees, (k, n_samples))
    if together.is_pooled.any():
        scale[together.is_pooled] = scale[together.is_pooled.argmax()]
    deviations = np.sqrt(np.where(is_several, together.of_training / together.n, 0.0))[:, None]
    draws = draws + rng.normal(size=(k, n_samples)) * deviations * np.sqrt(degrees / scale)
    n_better = (draws[None] > draws[:, None]).sum(axis=1)  # (k, n_samples)
    is_first = n_better == 0
    first = (is_first / is_first.sum(axis=0)).mean(axis=1)
    ends = np.percentile(n_better + 1, INTERVAL, axis=1, method="inverted_cdf").astype(int)
    return [Rank(float(share), int(low), int(high)) for share, low, high in zip(first, *ends, strict=True)]
