"""Compare two classifiers on the same test images."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from cxr import bootstrap
from cxr.errors import UserError

SIGNIFICANCE, POWER = 0.05, 0.8


@dataclass(frozen=True)
class Classifier:
    """A classifier's predictions on the test part (path, patient_group, label, probability) and its threshold."""

    name: str
    predictions: pd.DataFrame
    threshold: float


def paired(one: Classifier, two: Classifier, n_samples: int, seed: int) -> dict[str, float]:
    """Differences two - one in accuracy and AUROC, with what is known about them.

    `<name>_low`, `<name>_high`: 95% by a bootstrap that draws the same patient groups for both. `p_mcnemar`: exact
    two-sided McNemar test (McNemar 1947) on images, which takes them as independent. `n_images_needed`: test images at
    which a difference like this one would be told from none in 4 of 5 cases (Connor 1987), NaN without a difference.

    Raises UserError where the two were not tested on the same images.
    """
    tables = [each.predictions.sort_values("path", ignore_index=True) for each in (one, two)]
    keys = ["path", "patient_group", "label"]
    if not tables[0][keys].equals(tables[1][keys]):
        raise UserError(
            f"{one.name} and {two.name} were tested on different images; compare runs of one data source, "
            "split.protocol and split.seed"
        )
    labels, groups = tables[0]["label"].to_numpy(), tables[0]["patient_group"].to_numpy()
    probabilities = [table["probability"].to_numpy() for table in tables]
    thresholds = [one.threshold, two.threshold]
    draws = [
        bootstrap.draws(labels, each, groups, threshold, n_samples, seed)
        for each, threshold in zip(probabilities, thresholds, strict=True)
    ]
    right = [(each >= threshold) == labels for each, threshold in zip(probabilities, thresholds, strict=True)]
    n_one, n_two = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    figures: dict[str, float] = {
        "accuracy_difference": float(right[1].mean() - right[0].mean()),
        "auroc_difference": float(roc_auc_score(labels, probabilities[1]) - roc_auc_score(labels, probabilities[0])),
        "n_only_first_right": n_one,
        "n_only_second_right": n_two,
        "p_mcnemar": mcnemar_exact(n_one, n_two),
        "n_images_needed": n_images_needed(n_one, n_two, len(labels)),
    }
    for name in ("accuracy", "auroc"):
        low, high = bootstrap.interval(draws[1][name] - draws[0][name])
        figures[f"{name}_difference_low"], figures[f"{name}_difference_high"] = low, high
    return figures


def mcnemar_exact(n_only_first: int, n_only_second: int) -> float:
    """Two-sided p-value that both are right equally often, from the images that only one gets right."""
    return float(min(1.0, mcnemar([[0, n_only_first], [n_only_second, 0]], exact=True).pvalue))


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
    """P-values adjusted for their number by Holm's step-down method (Holm 1979)."""
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []
