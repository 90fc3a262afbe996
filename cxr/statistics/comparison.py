"""Compare classifiers on the same test images; several training seeds of one configuration count as one.

Everything said of a pair has one basis: the mean over the training seeds of each, on the same patients. Estimate,
interval, p, verdict, images needed and the counts of images that only one gets right all follow from it.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, ttest_ind_from_stats
from statsmodels.stats.multitest import multipletests

from cxr.errors import UserError
from cxr.statistics import estimate
from cxr.statistics.estimate import Estimate, Sampled

SIGNIFICANCE, POWER = 0.05, 0.8
# What tells a test image, and what has to be equal for two classifiers to be compared.
KEYS = ["path", "patient_group", "label"]
# Means of the same numbers in another order differ in their last digits; that is no difference.
DIGITS = 12


class Verdict(StrEnum):
    """What is known of a difference in accuracy."""

    REAL = "differ by images and by seeds"
    OPEN = "these trainings differ, others might not"
    UNTOLD = "cannot be told from none"


@dataclass(frozen=True)
class Classifier:
    """A classifier's predictions on the test part (path, patient_group, label, probability) and its threshold."""

    name: str
    predictions: pd.DataFrame
    threshold: float


@dataclass(frozen=True)
class Measured:
    """A configuration on the test part: the mean of its classifiers, one per training seed.

    `images`: path, patient_group and label in the order of `is_right`; `is_right` `(n,)`: the share of the classifiers
    that are right on an image; `sampled`: each metric and its bootstrap draws.
    """

    name: str
    n_seeds: int
    images: pd.DataFrame
    is_right: NDArray[np.float64]
    estimates: dict[str, Estimate]
    sampled: dict[str, Sampled]


@dataclass(frozen=True)
class Difference:
    """How far two configurations lie apart in one metric, second - first.

    `estimate`: its interval holds the truth together with those of all pairs that were compared with this one, in 95 of
    100 test parts. `p`: two-sided, that there is no difference, adjusted for all these pairs; it is at most 5% exactly
    where the interval leaves out 0. `n_images_needed`: test images, of patients like these, with which a difference of
    this size would be told among these pairs in 4 of 5 test parts; NaN without a difference.
    """

    estimate: Estimate
    p: float
    n_images_needed: float

    @property
    def is_told(self) -> bool:
        """Whether it is more than the drawing of patients brings."""
        return not self.estimate.holds(0)


@dataclass(frozen=True)
class Comparison:
    """What is known of a pair of configurations.

    `n_only_first_right`, `n_only_second_right`: images that only one of two classifiers gets right, mean over every
    pairing of their seeds; their difference is that in accuracy. `p_seeds`: Welch's t-test of the seeds' accuracies
    (Welch 1947), which asks what other trainings would give on these images, adjusted for all pairs that have one
    (Holm 1979); NaN where either has one seed.
    """

    accuracy: Difference
    auroc: Difference
    n_only_first_right: float
    n_only_second_right: float
    p_seeds: float

    @property
    def verdict(self) -> Verdict:
        """On the accuracy: told from none where its interval leaves out 0, and real where other seeds say so too."""
        if not self.accuracy.is_told:
            return Verdict.UNTOLD
        return Verdict.REAL if self.p_seeds <= SIGNIFICANCE else Verdict.OPEN


def measure(name: str, classifiers: list[Classifier], n_samples: int, seed: int) -> Measured:
    """The mean accuracy, auroc, sensitivity and specificity over the trainings of one configuration.

    Intervals are 95%, by a patient-group bootstrap that draws the same groups for every training; they cover the
    drawing of patients, the estimates' `sd` tells of the training.

    Raises UserError where the classifiers were not tested on the same images.
    """
    tables = [classifier.predictions.sort_values("path", ignore_index=True) for classifier in classifiers]
    images = tables[0][KEYS]
    labels, groups = images["label"].to_numpy(), images["patient_group"].to_numpy()
    trainings, is_right = [], []
    for classifier, table in zip(classifiers, tables, strict=True):
        _check_same_images(classifiers[0].name, images, classifier.name, table[KEYS])
        probabilities = table["probability"].to_numpy()
        trainings.append(estimate.sample(labels, probabilities, classifier.threshold, groups, n_samples, seed))
        is_right.append((probabilities >= classifier.threshold) == labels)
    # Metrics of every training become trainings of every metric.
    by_metric = {metric: [training[metric] for training in trainings] for metric in trainings[0]}
    return Measured(
        name,
        len(classifiers),
        images,
        np.mean(is_right, axis=0),  # (trainings, n) -> (n,)
        {metric: estimate.estimate(sampled) for metric, sampled in by_metric.items()},
        {metric: estimate.mean(sampled) for metric, sampled in by_metric.items()},
    )


def _check_same_images(one: str, images: pd.DataFrame, two: str, others: pd.DataFrame) -> None:
    if not images.equals(others):
        raise UserError(
            f"{one} and {two} were tested on different images; compare runs of one data source, split.protocol and "
            "split.seed"
        )


def compare(configurations: list[Measured]) -> list[Comparison]:
    """Every pair of configurations, in the order of itertools.combinations; all adjusted for their number.

    They must have been measured with the same number of samples and seed: then a draw has the same patients for all.

    Raises UserError where they were not tested on the same images.
    """
    for configuration in configurations[1:]:
        _check_same_images(configurations[0].name, configurations[0].images, configuration.name, configuration.images)
    pairs = list(combinations(configurations, 2))
    accuracies, aurocs = (_differences(pairs, metric) for metric in ("accuracy", "auroc"))
    by_seeds = holm([_welch(one, two) for one, two in pairs])
    return [
        Comparison(
            accuracy,
            auroc,
            # Summed over images, the chance that a classifier of one is right and one of the other is wrong.
            n_only_first_right=float((one.is_right * (1 - two.is_right)).sum()),
            n_only_second_right=float((two.is_right * (1 - one.is_right)).sum()),
            p_seeds=p_seeds,
        )
        for (one, two), accuracy, auroc, p_seeds in zip(pairs, accuracies, aurocs, by_seeds, strict=True)
    ]


def _differences(pairs: list[tuple[Measured, Measured]], metric: str) -> list[Difference]:
    values = np.array([two.sampled[metric].value - one.sampled[metric].value for one, two in pairs])
    draws = np.array([two.sampled[metric].draws - one.sampled[metric].draws for one, two in pairs])
    return simultaneous(values, draws, len(pairs[0][0].images)) if pairs else []


def simultaneous(values: NDArray[np.float64], draws: NDArray[np.float64], n_images: int) -> list[Difference]:
    """Differences of k pairs `(k,)` with intervals and p-values that hold for all pairs at once.

    `draws` `(k, n_samples)` are the same differences on the same bootstrap draws. How far the pair that is furthest off
    lies from its estimate, in standard errors, has a distribution over the draws: its upper 5% point makes every
    interval, its upper tail every p (single-step maximum of studentised differences, Westfall and Young 1993; Romano
    and Wolf 2005). It knows how the pairs hang together, as Bonferroni's and Holm's adjustments do not, and unlike
    Holm's p its p has an interval that agrees with it.
    """
    values, draws = np.round(values, DIGITS), np.round(draws, DIGITS)
    # A draw without both classes has no AUROC, for all pairs alike: (k, n_samples) -> (k, n_defined).
    draws = draws[:, np.isfinite(draws).all(axis=0)]
    standard_errors = draws.std(axis=1, ddof=1)  # (k,)
    is_spread = standard_errors > 0
    # In standard errors: the estimates (k,), and the draws about them (k, n_defined). Where a difference is the same
    # in every draw, the draws are no errors off, and a difference other than 0 is infinitely many.
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = np.where(values == 0, 0.0, values / standard_errors)
        errors = np.where(is_spread[:, None], np.abs(draws - values[:, None]) / standard_errors[:, None], 0.0)
    furthest = errors.max(axis=0)  # (n_defined,)
    n_allowed = math.floor(SIGNIFICANCE * (len(furthest) + 1))
    critical = np.sort(furthest)[-n_allowed]
    # The observed difference counts as one of the draws, so that p is never 0. It is at most 5% exactly where fewer
    # than n_allowed draws are as far off: where |studentised| > critical, which is where low and high, written as they
    # are here, have the same sign.
    n_as_far = (furthest >= np.abs(studentised)[:, None]).sum(axis=1)  # (k,)
    p_values = (1 + n_as_far) / (len(furthest) + 1)
    low, high = (
        np.where(is_spread, standard_errors * (np.where(is_spread, studentised, 0.0) + end), values)
        for end in (-critical, critical)
    )
    # A standard error shrinks with the root of the number of images.
    with np.errstate(divide="ignore"):
        needed = n_images * ((critical + norm.isf(1 - POWER)) / np.abs(studentised)) ** 2
    needed = np.where(values == 0, np.nan, np.ceil(needed))
    return [
        Difference(Estimate(*map(float, ends)), float(p), float(n))
        for *ends, p, n in zip(values, low, high, p_values, needed, strict=True)
    ]


def _welch(one: Measured, two: Measured) -> float:
    """Two-sided p-value that the mean accuracies over the training seeds are equal; NaN for one seed."""
    if min(one.n_seeds, two.n_seeds) < 2:
        return math.nan
    first, second = one.estimates["accuracy"], two.estimates["accuracy"]
    if first.sd == second.sd == 0:
        return float(first.value == second.value)
    of_both = (first.value, first.sd, one.n_seeds, second.value, second.sd, two.n_seeds)
    return float(ttest_ind_from_stats(*of_both, equal_var=False).pvalue)


def holm(p_values: list[float]) -> list[float]:
    """P-values adjusted for their number by Holm's step-down method (Holm 1979); NaN stays NaN and does not count."""
    adjusted = np.array(p_values, dtype=np.float64)
    is_known = ~np.isnan(adjusted)
    if is_known.any():
        adjusted[is_known] = multipletests(adjusted[is_known], method="holm")[1]
    return [float(p) for p in adjusted]
