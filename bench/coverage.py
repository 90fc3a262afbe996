"""How often the intervals of the project hold the truth, on simulated test parts whose truth is known.

Scores of an image are binormal: 0 or `d` by its label, plus noise of variance 1, of which a share `rho` is common to
all images of a patient. So AUROC = Phi(d / sqrt 2), sensitivity = Phi(d - t), specificity = Phi(t) at threshold t.
"""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint
from tqdm import tqdm

from cxr.statistics.comparison import Classifier, Measured, compare, measure
from cxr.statistics.estimate import Estimate, estimate, sample

N_TRIALS = 1000
N_SAMPLES = 500
# Kaggle's test folder: 624 images, 428 patient groups, 62.5% pneumonia.
N_GROUPS, IMAGES_PER_GROUP, PREVALENCE = 428, 1.46, 0.625
DISTANCE, THRESHOLD, RIVAL = 2.0, 1.2, 2.3
# With these two eight networks, as the study has.
OTHERS = [2.0, 2.0, 2.1, 2.1, 2.2, 2.3]
RHOS = [0.0, 0.5, 0.9]
SHARED_NOISE = 0.7


def measure_coverage() -> pd.DataFrame:
    """Share of trials whose 95% interval holds the truth, and the intervals' mean width."""
    rows = []
    for rho in RHOS:
        trials = [_trial(rho, trial) for trial in tqdm(range(N_TRIALS), desc=f"coverage, rho {rho}", unit="trial")]
        table = pd.DataFrame([row for trial in trials for row in trial])
        for (what, interval), alike in table.groupby(["what", "interval"], sort=False):
            rows.append(
                {
                    "what": what,
                    "interval": interval,
                    "share of noise common to a patient": rho,
                    "coverage": alike["covers"].mean(),
                    "simulation error": 1.96 * np.sqrt(0.95 * 0.05 / N_TRIALS),
                    "mean width": alike["width"].mean(),
                }
            )
    return pd.DataFrame(rows)


def truth(distance: float) -> dict[str, float]:
    sensitivity, specificity = norm.cdf(distance - THRESHOLD), norm.cdf(THRESHOLD)
    return {
        "accuracy": PREVALENCE * sensitivity + (1 - PREVALENCE) * specificity,
        "auroc": norm.cdf(distance / np.sqrt(2)),
        "sensitivity": sensitivity,
        "specificity": specificity,
    }


def _trial(rho: float, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng([seed, round(10 * rho)])
    groups = np.repeat(np.arange(N_GROUPS), 1 + rng.poisson(IMAGES_PER_GROUP - 1, N_GROUPS))
    labels = (rng.random(N_GROUPS) < PREVALENCE).astype(int)[groups]
    common = _noise(rng, groups, rho)
    # The two that are looked at singly come first: theirs are the same figures whatever stands beside them.
    distances = [DISTANCE, RIVAL, *OTHERS]
    probabilities = [
        norm.cdf(
            distance * labels + np.sqrt(SHARED_NOISE) * common + np.sqrt(1 - SHARED_NOISE) * _noise(rng, groups, rho)
        )
        for distance in distances
    ]
    threshold = float(norm.cdf(THRESHOLD))
    table = pd.DataFrame({"path": np.arange(len(groups)), "patient_group": groups, "label": labels})
    networks = [
        measure("", [Classifier("", table.assign(probability=values), threshold)], N_SAMPLES, seed)
        for values in probabilities
    ]
    truths = [truth(distance) for distance in distances]
    rows = [
        _row(name, "patient-group bootstrap", networks[0].estimates[name], value) for name, value in truths[0].items()
    ]
    by_image = sample(labels, probabilities[0], threshold, np.arange(len(groups)), N_SAMPLES, seed)
    rows += [
        _row(name, "bootstrap by image", estimate([by_image[name]]), truths[0][name]) for name in ("accuracy", "auroc")
    ]
    n_right = int(((probabilities[0] >= threshold) == labels).sum())
    wilson = Estimate(n_right / len(groups), *proportion_confint(n_right, len(groups), method="wilson"))
    rows.append(_row("accuracy", "Wilson (statsmodels)", wilson, truths[0]["accuracy"]))
    return rows + _pair(networks[:2], truths[:2]) + _pairs(networks, truths)


def _pair(networks: list[Measured], truths: list[dict[str, float]]) -> list[dict[str, Any]]:
    """The difference of two networks, compared alone."""
    [pair] = compare(networks)
    first, second = truths
    by = "paired patient-group bootstrap"
    return [
        _row("difference in accuracy", by, pair.accuracy.estimate, second["accuracy"] - first["accuracy"]),
        _row("difference in auroc", by, pair.auroc.estimate, second["auroc"] - first["auroc"]),
    ]


def _pairs(networks: list[Measured], truths: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Whether the intervals of all differences hold the truth at once; their mean width."""
    rows: list[dict[str, Any]] = []
    pairs = compare(networks)
    for name in ("accuracy", "auroc"):
        estimates = [pair.accuracy.estimate if name == "accuracy" else pair.auroc.estimate for pair in pairs]
        differences = [two[name] - one[name] for one, two in combinations(truths, 2)]
        rows.append(
            {
                "what": f"all {len(pairs)} differences in {name}",
                "interval": "paired patient-group bootstrap",
                "covers": all(one.holds(value) for one, value in zip(estimates, differences, strict=True)),
                "width": float(np.mean([one.high - one.low for one in estimates])),
            }
        )
    return rows


def _noise(rng: np.random.Generator, groups: NDArray[np.int64], rho: float) -> NDArray[np.float64]:
    """Standard normal noise of images, a share `rho` of its variance common to a patient's."""
    of_groups = rng.normal(size=N_GROUPS)[groups]
    return np.asarray(np.sqrt(rho) * of_groups + np.sqrt(1 - rho) * rng.normal(size=len(groups)))


def _row(what: str, interval: str, found: Estimate, value: float) -> dict[str, Any]:
    return {"what": what, "interval": interval, "covers": found.holds(value), "width": found.high - found.low}
