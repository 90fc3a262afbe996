"""How often the intervals of the project hold the truth, on simulated test parts whose truth is known."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm
from tqdm import tqdm

from bench import readers, simulated
from bench.simulated import PREVALENCE, SHARED_NOISE, THRESHOLD
from cxr.statistics import comparison
from cxr.statistics.comparison import Classifier, Measured, compare, measure
from cxr.statistics.estimate import Estimate, estimate, sample
from cxr.statistics.significance import Verdict

N_TRIALS = 200
N_SAMPLES = 500
DISTANCE, RIVAL = 2.0, 2.3
# With these two eight networks, as the study has.
OTHERS = [2.0, 2.0, 2.1, 2.1, 2.2, 2.3]
RHOS = [0.0, 0.5, 0.9]


def measure_coverage() -> pd.DataFrame:
    """Share of trials whose 95% interval holds the truth, and its mean width: over patients, and over seeds as well."""
    return pd.concat([_over_patients(), readers.measure_readers()], ignore_index=True)


def _over_patients() -> pd.DataFrame:
    """Of networks that are trained once."""
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
                    "simulation error": readers.error(N_TRIALS),
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
    groups, labels, noise = simulated.test_part(rng, rho)
    common = noise()
    # The two that are looked at singly come first: theirs are the same figures whatever stands beside them.
    distances = [DISTANCE, RIVAL, *OTHERS]
    probabilities = [
        norm.cdf(distance * labels + np.sqrt(SHARED_NOISE) * common + np.sqrt(1 - SHARED_NOISE) * noise())
        for distance in distances
    ]
    threshold = float(norm.cdf(THRESHOLD))
    table = pd.DataFrame({"path": np.arange(len(groups)), "patient_group": groups, "label": labels})
    networks = [
        measure("", [Classifier("", table.assign(probability=values), threshold)], N_SAMPLES, seed)
        for values in probabilities
    ]
    truths = [truth(distance) for distance in distances]
    [first, *_] = comparison.estimates(networks[:1])
    rows = [_row(name, "patient-group bootstrap", first[name], value) for name, value in truths[0].items()]
    by_image = sample(labels, probabilities[0], threshold, np.arange(len(groups)), N_SAMPLES, seed)
    rows += [
        _row(name, "bootstrap by image", estimate([by_image[name]]), truths[0][name]) for name in ("accuracy", "auroc")
    ]
    n_right = int(((probabilities[0] >= threshold) == labels).sum())
    wilson = Estimate(n_right / len(groups), *binomtest(n_right, len(groups)).proportion_ci(method="wilson"))
    rows.append(_row("accuracy", "Wilson (SciPy)", wilson, truths[0]["accuracy"]))
    return rows + _pairs(networks, truths)


def _pairs(networks: list[Measured], truths: list[dict[str, float]]) -> list[dict[str, Any]]:
    """The difference of the first two, and whether all pairs that are said to differ do so, in that direction."""
    rows: list[dict[str, Any]] = []
    by, pairs = "paired patient-group bootstrap", compare(networks, None)
    for name in ("accuracy", "auroc"):
        found = [pair.accuracy if name == "accuracy" else pair.auroc for pair in pairs]
        true = [two[name] - one[name] for one, two in combinations(truths, 2)]
        rows.append(_row(f"difference in {name}", by, found[0].estimate, true[0]))
        is_right = [
            one.verdict is Verdict.UNTOLD or one.estimate.value * value > 0
            for one, value in zip(found, true, strict=True)
        ]
        width = float(np.mean([one.estimate.high - one.estimate.low for one in found]))
        what = f"no wrong one among {len(pairs)} verdicts on {name}"
        rows.append({"what": what, "interval": f"{by}, Holm", "covers": all(is_right), "width": width})
    return rows


def _row(what: str, interval: str, found: Estimate, value: float) -> dict[str, Any]:
    return {"what": what, "interval": interval, "covers": found.holds(value), "width": found.high - found.low}
