"""Size, coverage and power of a comparison over training seeds, on simulated patients and trainings (see coverage.py).

Eight configurations are trained n times each. A training's accuracy lies about that of its configuration, normal with a
standard deviation `sd`; its errors on the images are those of a binormal classifier with that accuracy.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from tqdm import tqdm

from bench import simulated
from bench.simulated import PREVALENCE, SHARED_NOISE, THRESHOLD
from cxr.statistics import bootstrap, trainings
from cxr.statistics.trainings import POOLING_LEVEL, Spread

N_TRIALS = 150
N_SAMPLES = 300
N_CONFIGURATIONS = 8
SDS, N_SEEDS, RHOS = [0.0, 0.01, 0.04], [2, 3, 5, 10], [0.0, 0.5, 0.9]
# The first half of the configurations with one deviation, the others with another: pooling is then wrong.
UNEQUAL = (0.04, 0.01)
ACCURACY, BETTER = 0.78, 0.82
# Levels of the test of equal variances that decides: ours, always pooled, never.
FORMS = {"pooled by the rule": POOLING_LEVEL, "always pooled": -1.0, "never pooled": 1.0}


def measure_readers() -> pd.DataFrame:
    """How often the intervals over seeds hold the truth, and how often a difference of BETTER - ACCURACY is told."""
    half = N_CONFIGURATIONS // 2
    settings = [([sd] * N_CONFIGURATIONS, n, rho) for rho in RHOS for sd in SDS for n in N_SEEDS]
    settings += [([UNEQUAL[0]] * half + [UNEQUAL[1]] * half, n, RHOS[len(RHOS) // 2]) for n in N_SEEDS]
    rows = []
    for sds, n, rho in tqdm(settings, desc="coverage over seeds", unit="setting"):
        found = pd.DataFrame([row for trial in range(N_TRIALS) for row in _trial(np.array(sds), n, rho, trial)])
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


def _trial(sds: NDArray[np.float64], n: int, rho: float, seed: int) -> list[dict[str, object]]:
    """A row for each interval of each form."""
    rng = np.random.default_rng([seed, n, round(10 * rho), round(1000 * sds.sum())])
    groups, labels, noise = simulated.test_part(rng, rho)
    accuracies = np.full(len(sds), ACCURACY)
    accuracies[-1] = BETTER
    # Trainings of a configuration: (configurations, n).
    of_training = accuracies[:, None] + sds[:, None] * rng.normal(size=(len(sds), n))
    common = np.sqrt(SHARED_NOISE) * noise()
    is_right = np.array(
        [
            (distance * labels + common + np.sqrt(1 - SHARED_NOISE) * noise() >= THRESHOLD) == labels
            for distance in _distance(of_training).ravel()
        ]
    )
    measured = _spread(is_right, groups, n, seed)
    rows: list[dict[str, object]] = []
    for form, level in FORMS.items():
        spread = replace(measured, pooling_level=level)
        told = spread.difference(0, len(sds) - 1).p() <= 0.05
        for what, contrast, truth, power in (
            ("difference of two, over seeds", spread.difference(0, 1), 0.0, float(told)),
            ("accuracy of one, over seeds", spread.single(0), ACCURACY, np.nan),
        ):
            low, high = contrast.interval()
            row = {"what": what, "interval": form, "coverage": float(low <= truth <= high), "power": power}
            rows.append({**row, "mean width": high - low})
    return rows


def _distance(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of the classes' scores with which a classifier is right so often."""
    sensitivity = (accuracy - (1 - PREVALENCE) * norm.cdf(THRESHOLD)) / PREVALENCE
    return np.asarray(THRESHOLD + norm.ppf(np.clip(sensitivity, 1e-3, 1 - 1e-3)))


def _spread(is_right: NDArray[np.bool_], groups: NDArray[np.int64], n: int, seed: int) -> Spread:
    """As cxr.statistics.comparison has it, for accuracy alone: all trainings by one product of matrices."""
    values = is_right.mean(axis=1)
    blocks = [
        (weights @ is_right.T) / weights.sum(axis=1)[:, None]
        for weights in bootstrap.group_weights(groups, N_SAMPLES, seed)
    ]
    draws = np.concatenate(blocks).T  # (trainings, n_samples)
    k = len(values) // n
    return trainings.from_draws(np.split(values, k), np.split(draws, k))
