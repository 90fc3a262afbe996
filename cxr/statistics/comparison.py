"""Compare classifiers on the same test images; several training seeds of one configuration count as one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, ttest_ind_from_stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from cxr.errors import UserError
from cxr.statistics import bootstrap, metrics

SIGNIFICANCE, POWER = 0.05, 0.8
KEYS = ["path", "patient_group", "label"]
FIGURES = ["accuracy", "auroc", "sensitivity", "specificity"]


@dataclass(frozen=True)
class Classifier:
    """A classifier's predictions on the test part (path, patient_group, label, probability) and its threshold."""

    name: str
    predictions: pd.DataFrame
    threshold: float


@dataclass(frozen=True)
class Measured:
    """A configuration's classifiers, one per training seed, their mean figures and the bootstrap draws of these."""

    name: str
    seeds: list[Classifier]
    figures: dict[str, float]
    draws: dict[str, NDArray[np.float64]]


def measure(name: str, seeds: list[Classifier], n_samples: int, seed: int) -> Measured:
    """Mean accuracy, auroc, sensitivity and specificity over the training seeds of one configuration.

    `<name>_low`, `<name>_high`: 95% by a patient-group bootstrap that draws the same groups for every seed; it covers
    the drawing of patients. `<name>_sd`: standard deviation over the seeds (NaN for one), which covers the training.

    Raises UserError where the classifiers were not tested on the same images.
    """
    tables = _aligned(seeds)
    labels, groups = tables[0]["label"].to_numpy(), tables[0]["patient_group"].to_numpy()
    values, draws = [], []
    for each, table in zip(seeds, tables, strict=True):
        probabilities = table["probability"].to_numpy()
        values.append(
            metrics.at_threshold(labels, probabilities, each.threshold)
            | {"auroc": float(roc_auc_score(labels, probabilities))}
        )
        draws.append(bootstrap.draws(labels, probabilities, groups, each.threshold, n_samples, seed))
    mean_draws = {key: np.mean([each[key] for each in draws], axis=0) for key in FIGURES}
    figures: dict[str, float] = {"n_seeds": len(seeds)}
    for key in FIGURES:
        own = [each[key] for each in values]
        figures[key] = float(np.mean(own))
        figures[f"{key}_sd"] = float(np.std(own, ddof=1)) if len(own) > 1 else float("nan")
        figures[f"{key}_low"], figures[f"{key}_high"] = bootstrap.interval(mean_draws[key])
    return Measured(name, seeds, figures, mean_draws)


def paired(one: Measured, two: Measured) -> dict[str, float]:
    """Differences two - one in accuracy and AUROC, with what is known about them.

    `<name>_low`, `<name>_high`: 95% by a bootstrap that draws the same patient groups for both, which asks that both
    were measured with the same number of samples and seed. Of the first training seed of each: `p_mcnemar`, exact
    two-sided McNemar test (McNemar 1947) on images, which takes them as independent; `n_images_needed`, test images
    at which a difference like this one would be told from none in 4 of 5 cases (Connor 1987), NaN without one.
    `p_seeds`: Welch's t-test of the seeds' accuracies, NaN where either has one seed. The first two speak of these
    trainings on other images, `p_seeds` of other trainings on these images.

    Raises UserError where the two were not tested on the same images.
    """
    first, second = one.seeds[0], two.seeds[0]
    right = [_is_right(table, each) for table, each in zip(_aligned([first, second]), (first, second), strict=True)]
    n_one, n_two = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    figures: dict[str, float] = {
        "n_only_first_right": n_one,
        "n_only_second_right": n_two,
        "p_mcnemar": mcnemar_exact(n_one, n_two),
        "n_images_needed": n_images_needed(n_one, n_two, len(right[0])),
        "p_seeds": _welch(one.figures, two.figures, "accuracy"),
    }
    for name in ("accuracy", "auroc"):
        figures[f"{name}_difference"] = two.figures[name] - one.figures[name]
        low, high = bootstrap.interval(two.draws[name] - one.draws[name])
        figures[f"{name}_difference_low"], figures[f"{name}_difference_high"] = low, high
    return figures


def _aligned(classifiers: list[Classifier]) -> list[pd.DataFrame]:
    """The predictions of all in one order of images. Raises UserError where the images differ."""
    tables = [each.predictions.sort_values("path", ignore_index=True) for each in classifiers]
    for each, table in zip(classifiers, tables, strict=True):
        if not table[KEYS].equals(tables[0][KEYS]):
            raise UserError(
                f"{classifiers[0].name} and {each.name} were tested on different images; compare runs of one data "
                "source, split.protocol and split.seed"
            )
    return tables


def _is_right(table: pd.DataFrame, classifier: Classifier) -> NDArray[Any]:
    return np.asarray((table["probability"] >= classifier.threshold) == table["label"])


def mcnemar_exact(n_only_first: int, n_only_second: int) -> float:
    """Two-sided p-value that both are right equally often, from the images that only one gets right."""
    return float(min(1.0, mcnemar([[0, n_only_first], [n_only_second, 0]], exact=True).pvalue))


def _welch(one: dict[str, float], two: dict[str, float], key: str) -> float:
    """Two-sided p-value that the means over the training seeds are equal (Welch 1947); NaN for one seed."""
    if min(one["n_seeds"], two["n_seeds"]) < 2:
        return float("nan")
    if one[f"{key}_sd"] == two[f"{key}_sd"] == 0:
        return float(one[key] == two[key])
    values = [each[name] for each in (one, two) for name in (key, f"{key}_sd", "n_seeds")]
    return float(ttest_ind_from_stats(*values, equal_var=False).pvalue)


def n_images_needed(n_only_first: int, n_only_second: int, n_images: int) -> float:
    """Test images for a power of 80% at a significance of 5%, were the observed shares the true ones (Connor 1987)."""
    discordant = (n_only_first + n_only_second) / n_images
    difference = abs(n_only_first - n_only_second) / n_images
    if difference == 0:
        return float("nan")
    z_significance, z_power = norm.isf(SIGNIFICANCE / 2), norm.isf(1 - POWER)
    root = z_significance * np.sqrt(discordant) + z_power * np.sqrt(discordant - difference**2)
    return float(np.ceil(root**2 / difference**2))


def holm(p_values: list[float]) -> list[float]:
    """P-values adjusted for their number by Holm's step-down method (Holm 1979); NaN stays NaN and does not count."""
    adjusted = np.array(p_values, dtype=np.float64)
    is_known = ~np.isnan(adjusted)
    if is_known.any():
        adjusted[is_known] = multipletests(adjusted[is_known], method="holm")[1]
    return [float(p) for p in adjusted]
