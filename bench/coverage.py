"""How often the intervals of the project hold the truth, on simulated test parts whose truth is known.

Scores of an image are binormal: 0 or `d` by its label, plus noise of variance 1, of which a share `rho` is common to
all images of a patient. So AUROC = Phi(d / sqrt 2), sensitivity = Phi(d - t), specificity = Phi(t) at threshold t.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint
from tqdm import tqdm

from cxr.statistics import bootstrap
from cxr.statistics.comparison import Classifier, measure, paired

N_TRIALS = 1000
N_SAMPLES = 500
# Kaggle's test folder: 624 images, 428 patient groups, 62.5% pneumonia.
N_GROUPS, IMAGES_PER_GROUP, PREVALENCE = 428, 1.46, 0.625
DISTANCE, THRESHOLD, RIVAL = 2.0, 1.2, 2.3
RHOS = [0.0, 0.5, 0.9]
SHARED_NOISE = 0.7


def measure_coverage() -> pd.DataFrame:
    """Share of trials whose 95% interval holds the truth, and the intervals' mean width."""
    rows = []
    for rho in RHOS:
        trials = [_trial(rho, trial) for trial in tqdm(range(N_TRIALS), desc=f"coverage, rho {rho}", unit="trial")]
        table = pd.DataFrame([row for trial in trials for row in trial])
        for (what, interval), own in table.groupby(["what", "interval"], sort=False):
            rows.append(
                {
                    "what": what,
                    "interval": interval,
                    "share of noise common to a patient": rho,
                    "coverage": own["covers"].mean(),
                    "simulation error": 1.96 * np.sqrt(0.95 * 0.05 / N_TRIALS),
                    "mean width": own["width"].mean(),
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
    probabilities = [
        norm.cdf(
            distance * labels + np.sqrt(SHARED_NOISE) * common + np.sqrt(1 - SHARED_NOISE) * _noise(rng, groups, rho)
        )
        for distance in (DISTANCE, RIVAL)
    ]
    threshold = float(norm.cdf(THRESHOLD))
    table = pd.DataFrame({"path": np.arange(len(groups)), "patient_group": groups, "label": labels})
    one, two = (
        measure("", [Classifier("", table.assign(probability=each), threshold)], N_SAMPLES, seed)
        for each in probabilities
    )
    first, second = truth(DISTANCE), truth(RIVAL)
    rows = [
        _row(name, "patient-group bootstrap", one.figures[f"{name}_low"], one.figures[f"{name}_high"], value)
        for name, value in first.items()
    ]
    by_image = bootstrap.draws(labels, probabilities[0], np.arange(len(groups)), threshold, N_SAMPLES, seed)
    for name in ("accuracy", "auroc"):
        low, high = bootstrap.interval(by_image[name])
        rows.append(_row(name, "bootstrap by image", low, high, first[name]))
    n_right = int(((probabilities[0] >= threshold) == labels).sum())
    low, high = proportion_confint(n_right, len(groups), method="wilson")
    rows.append(_row("accuracy", "Wilson (statsmodels)", low, high, first["accuracy"]))
    figures = paired(one, two)
    rows += [
        _row(
            f"difference in {name}",
            "paired patient-group bootstrap",
            figures[f"{name}_difference_low"],
            figures[f"{name}_difference_high"],
            second[name] - first[name],
        )
        for name in ("accuracy", "auroc")
    ]
    return rows


def _noise(rng: np.random.Generator, groups: NDArray[np.int64], rho: float) -> NDArray[np.float64]:
    """Standard normal noise of images, a share `rho` of its variance common to a patient's."""
    of_groups = rng.normal(size=N_GROUPS)[groups]
    return np.asarray(np.sqrt(rho) * of_groups + np.sqrt(1 - rho) * rng.normal(size=len(groups)))


def _row(what: str, interval: str, low: float, high: float, value: float) -> dict[str, Any]:
    return {"what": what, "interval": interval, "covers": low <= value <= high, "width": high - low}
