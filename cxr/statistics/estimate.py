"""A metric with what is known of its uncertainty, and how it is got from the patients of a test part."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr.statistics import bootstrap, metrics
from cxr.statistics.metrics import Labels, Probabilities


@dataclass(frozen=True)
class Estimate:
    """A metric, its 95% interval, and its standard deviation over training seeds (NaN where it has one training).

    The interval is NaN where too few patients know it.
    """

    value: float
    low: float
    high: float
    sd: float = math.nan

    def holds(self, value: float) -> bool:
        """Whether the interval holds this value."""
        return self.low <= value <= self.high


def keyed(estimates: Mapping[str, Estimate], *, with_sd: bool = False) -> dict[str, float]:
    """As JSON and CSV files have them: `name`, `name_sd` where asked for, `name_low`, `name_high` of each."""
    values = {}
    for name, one in estimates.items():
        values[name] = one.value
        if with_sd:
            values[f"{name}_sd"] = one.sd
        values[f"{name}_low"], values[f"{name}_high"] = one.low, one.high
    return values


def read(values: Mapping[str, float], name: str) -> Estimate:
    """The estimate of one training that `keyed` wrote into `values` under `name`."""
    return Estimate(values[name], values[f"{name}_low"], values[f"{name}_high"])


@dataclass(frozen=True)
class Sampled:
    """A metric of one classifier on the test part, and on every bootstrap draw of it `(n_samples,)`."""

    value: float
    draws: NDArray[np.float64]


def sample(
    labels: Labels, probabilities: Probabilities, threshold: float, groups: NDArray[Any], n_samples: int, seed: int
) -> dict[str, Sampled]:
    """The figures that `metrics.compared` gives of a classifier; labels, probabilities and groups are `(n,)`."""
    measure = partial(metrics.compared, labels, probabilities, threshold)
    drawn = bootstrap.draws(measure, groups, n_samples, seed)
    return {name: Sampled(float(value), drawn[name]) for name, value in measure().items()}


def mean(trainings: list[Sampled]) -> Sampled:
    """The mean over the trainings of one configuration, draw by draw: in a draw all are tested on the same patients."""
    # (trainings, n_samples) -> (n_samples,)
    draws = np.mean([training.draws for training in trainings], axis=0)
    return Sampled(float(np.mean([training.value for training in trainings])), draws)


def estimate(trainings: list[Sampled]) -> Estimate:
    """The mean over trainings; its interval covers the drawing of patients, `sd` tells of the training."""
    together = mean(trainings)
    values = [training.value for training in trainings]
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Estimate(together.value, *bootstrap.interval(together.draws), sd)
