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
    """A metric of one classifier on the test part, and on every bootstrap draw of it `(n_samples,)`.

    `n_patients`: whose images it is a share of; None of what is no share, as an AUROC is.
    """

    value: float
    draws: NDArray[np.float64]
    n_patients: int | None = None

    def opened(self, low: float, high: float) -> tuple[float, float]:
        """Its 95% interval, where all or none of the images are right with the exact end of so many patients.

        Then all draws are alike, and trainings too: an interval from them has no width, however few the patients. The
        end is Clopper and Pearson's (1934), .025^(1/n) or 1 less that. A patient counts once, with all images.
        """
        if self.n_patients is None or self.value not in (0, 1):
            return low, high
        end = (bootstrap.INTERVAL[0] / 100) ** (1 / self.n_patients)
        return (end, 1.0) if self.value == 1 else (0.0, 1 - end)


def sample(
    labels: Labels, probabilities: Probabilities, threshold: float, groups: NDArray[Any], n_samples: int, seed: int
) -> dict[str, Sampled]:
    """The figures that `metrics.compared` gives of a classifier; labels, probabilities and groups are `(n,)`."""
    measure = partial(metrics.compared, labels, probabilities, threshold)
    drawn = bootstrap.draws(measure, groups, n_samples, seed)
    n_patients = {name: len(np.unique(groups[np.isin(labels, own)])) for name, own in metrics.SHARES.items()}
    return {name: Sampled(float(value), drawn[name], n_patients.get(name)) for name, value in measure().items()}


def mean(trainings: list[Sampled]) -> Sampled:
    """The mean over the trainings of one configuration, draw by draw: in a draw all are tested on the same patients."""
    # (trainings, n_samples) -> (n_samples,)
    draws = np.mean([training.draws for training in trainings], axis=0)
    return Sampled(float(np.mean([training.value for training in trainings])), draws, trainings[0].n_patients)


def estimate(trainings: list[Sampled]) -> Estimate:
    """The mean over trainings; its interval covers the drawing of patients, `sd` tells of the training."""
    together = mean(trainings)
    values = [training.value for training in trainings]
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Estimate(together.value, *together.opened(*bootstrap.interval(together.draws)), sd)
