"""Size, coverage and power of a comparison over training seeds, on simulated patients and trainings (see coverage.py).

Eight configurations are trained n times each. A training's accuracy, or its AUROC, lies about that of its
configuration, normal with a standard deviation `sd`; its scores of the images are those of the binormal classifier
that has it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from tqdm import tqdm

from bench import simulated
from bench.simulated import PREVALENCE, SHARED_NOISE, THRESHOLD
from cxr.statistics import bootstrap, metrics, trainings
from cxr.statistics.metrics import Labels, Values, Weights
from cxr.statistics.trainings import ALWAYS, NEVER, POOLING_LEVEL, Spread

N_TRIALS = 200
N_SAMPLES = 300
N_CONFIGURATIONS = 8
N_SEEDS = [2, 3, 5, 10]
RHO = 0.5
# Levels of the test of equal variances that decides: ours, always pooled, never.
FORMS = {"pooled by the rule": POOLING_LEVEL, "always pooled": ALWAYS, "never pooled": NEVER}

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A metric of simulated trainings: what it is on scores, and how the scores are made that have it.

    `usual`: its truth in all configurations but the last, which has `better`. `sds`: deviations between seeds, tried
    with each of `rhos`, the share of noise common to a patient. `unequal`: deviations of the first half of the
    configurations and of the others, where pooling is wrong. `distance` of the classes' scores gives a classifier its
    value; `measure` takes labels and scores `(n,)` and weights `(draws, n)`.
    """

    name: str
    usual: float
    better: float
    sds: tuple[float, ...]
    rhos: tuple[float, ...]
    unequal: tuple[float, float]
    distance: Callable[[Scores], Scores]
    measure: Callable[[Labels, Scores, Weights | None], Values]


def _distance_of_accuracy(accuracy: Scores) -> Scores:
    sensitivity = (accuracy - (1 - PREVALENCE) * norm.cdf(THRESHOLD)) / PREVALENCE
    return np.asarray(THRESHOLD + norm.ppf(np.clip(sensitivity, 1e-3, 1 - 1e-3)))


def _distance_of_auroc(auroc: Scores) -> Scores:
    return np.asarray(np.sqrt(2) * norm.ppf(np.clip(auroc, 1e-3, 1 - 1e-3)))


def _accuracy(labels: Labels, scores: Scores, weights: Weights | None) -> Values:
    return metrics.accuracy(labels, scores >= THRESHOLD, weights)


# Truths and deviations are about those of the study's networks on Kaggle's test folder. What patients have in common
# changes little in accuracy, and AUROC takes ten times as long: there it has one value.
METRICS = (
    Metric("accuracy", 0.78, 0.82, (0.0, 0.01, 0.04), (0.0, RHO, 0.9), (0.04, 0.01), _distance_of_accuracy, _accuracy),
    Metric("auroc", 0.92, 0.94, (0.0, 0.003, 0.012), (RHO,), (0.012, 0.003), _distance_of_auroc, metrics.auroc),
)


def measure_readers() -> pd.DataFrame:
    """How often the intervals over seeds hold the truth, and how often the better configuration is told."""
    half = N_CONFIGURATIONS // 2
    rows = []
    for metric in METRICS:
        settings = [([sd] * N_CONFIGURATIONS, n, rho) for rho in metric.rhos for sd in metric.sds for n in N_SEEDS]
        unequal = np.repeat(metric.unequal, half).tolist()
        settings += [(unequal, n, RHO) for n in N_SEEDS]
        for sds, n, rho in tqdm(settings, desc=f"coverage over seeds, {metric.name}", unit="setting"):
            trials = [_trial(metric, np.array(sds), n, rho, trial) for trial in range(N_TRIALS)]
            found = pd.DataFrame([row for trial in trials for row in trial])
            where = {
                "share of noise common to a patient": rho,
                "sd of seeds": " and ".join(f"{sd:g}" for sd in sorted(set(sds))),
                "seeds": n,
            }
            for (what, form), alike in found.groupby(["what", "interval"], sort=False):
                means = alike[["coverage", "power", "mean width"]].mean()
                rows.append({"what": what, "interval": form, **where, **means, "simulation error": error(N_TRIALS)})
    return pd.DataFrame(rows)


def error(n_trials: int) -> float:
    """Half-width of the 95% interval of a coverage of 95% over so many trials."""
    return float(1.96 * np.sqrt(0.95 * 0.05 / n_trials))


def _trial(metric: Metric, sds: NDArray[np.float64], n: int, rho: float, seed: int) -> list[dict[str, object]]:
    """A row for each interval of each form."""
    rng = np.random.default_rng([seed, n, round(10 * rho), round(1000 * sds.sum())])
    groups, labels, noise = simulated.test_part(rng, rho)
    truths = np.full(len(sds), metric.usual)
    truths[-1] = metric.better
    # Trainings of a configuration: (configurations, n).
    of_training = truths[:, None] + sds[:, None] * rng.normal(size=(len(sds), n))
    common = np.sqrt(SHARED_NOISE) * noise()
    # (trainings, images)
    scores = [
        distance * labels + common + np.sqrt(1 - SHARED_NOISE) * noise()
        for distance in metric.distance(of_training).ravel()
    ]
    measured = _spread(metric, labels, scores, groups, n, seed)
    rows: list[dict[str, object]] = []
    for form, level in FORMS.items():
        spread = replace(measured, pooling_level=level)
        told = spread.difference(0, len(sds) - 1).p() <= 0.05
        for what, contrast, truth, power in (
            (f"difference of two in {metric.name}, over seeds", spread.difference(0, 1), 0.0, float(told)),
            (f"{metric.name} of one, over seeds", spread.single(0), metric.usual, np.nan),
        ):
            low, high = contrast.interval()
            row = {"what": what, "interval": form, "coverage": float(low <= truth <= high), "power": power}
            rows.append({**row, "mean width": high - low})
    return rows


def _spread(
    metric: Metric, labels: Labels, scores: list[Scores], groups: NDArray[np.int64], n: int, seed: int
) -> Spread:
    """As cxr.statistics.comparison has it, of one metric alone."""

    def drawn(one: Scores) -> Scores:
        measure = partial(metric.measure, labels, one)
        return bootstrap.draws(lambda weights: {metric.name: measure(weights)}, groups, N_SAMPLES, seed)[metric.name]

    values = np.array([metric.measure(labels, one, None) for one in scores])
    draws = np.array([drawn(one) for one in scores])  # (trainings, n_samples)
    k = len(scores) // n
    return trainings.from_draws(np.split(values, k), np.split(draws, k))
