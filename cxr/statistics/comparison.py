"""Compare configurations on the same test images; trainings of one configuration differ in their seed alone.

Everything said of a pair has one basis: the mean over the trainings of each, on the same patients, and how far it would
lie elsewhere after other trainings on other patients (see trainings.py). Estimate, interval, p, verdict and what would
tell a pair apart all follow from it.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.errors import UserError
from cxr.statistics import estimate, needed, significance, trainings
from cxr.statistics.estimate import Estimate, Sampled
from cxr.statistics.metrics import COMPARED
from cxr.statistics.needed import Needed
from cxr.statistics.significance import SIGNIFICANCE, Verdict
from cxr.statistics.trainings import Spread

# What tells a test image, and what has to be equal for two classifiers to be compared.
KEYS = ["path", "patient_group", "label"]


@dataclass(frozen=True)
class Classifier:
    """A classifier's predictions on the test part (path, patient_group, label, probability) and its threshold."""

    name: str
    predictions: pd.DataFrame
    threshold: float


@dataclass(frozen=True)
class Measured:
    """The trainings of one configuration on the test part.

    `images`: path, patient_group and label in the order of `is_right`; `is_right` `(n,)`: the share of the trainings
    that are right on an image; `sampled`: each metric of each training, with its bootstrap draws. `network`: what was
    trained, the same where the same trainings are evaluated otherwise.
    """

    name: str
    images: pd.DataFrame
    is_right: NDArray[np.float64]
    sampled: dict[str, list[Sampled]]
    network: Hashable

    @property
    def n_patients(self) -> int:
        return int(self.images["patient_group"].nunique())

    @property
    def n_seeds(self) -> int:
        return len(self.sampled["accuracy"])


@dataclass(frozen=True)
class Difference:
    """How far two configurations lie apart in one metric, second - first.

    `estimate`: with its 95% interval; it covers other patients, and other trainings where `covers_trainings`, which
    takes two or more of each. `p`: two-sided, that there is no difference; of six patients or more at most 5% exactly
    where the interval leaves out 0, of fewer never. `p_adjusted`: for the number of pairs (Holm 1979). `p_beyond`: that
    the difference is as large as the margin or larger, adjusted likewise; NaN without a margin. `needed`: what would
    tell the difference; None where it is told, and where nothing in reach would tell it.
    """

    estimate: Estimate
    p: float
    p_adjusted: float
    p_beyond: float
    covers_trainings: bool
    needed: Needed | None

    @property
    def verdict(self) -> Verdict:
        """Equal within the margin counts before different from 0: both can be known of a difference at once."""
        return significance.verdict(self.p_adjusted, self.p_beyond, self.covers_trainings)


@dataclass(frozen=True)
class Comparison:
    """What is known of a pair of configurations.

    `n_only_first_right`, `n_only_second_right`: images that only one of two classifiers gets right, mean over every
    pairing of their seeds; their difference is that in accuracy.
    """

    accuracy: Difference
    auroc: Difference
    n_only_first_right: float
    n_only_second_right: float


def measure(name: str, classifiers: list[Classifier], n_samples: int, seed: int, network: Hashable = None) -> Measured:
    """Every metric of every training of one configuration, by a bootstrap that draws the same patients for all.

    `network`: see Measured; by default that of no other configuration.

    Raises UserError where the classifiers were not tested on the same images.
    """
    tables = [classifier.predictions.sort_values("path", ignore_index=True) for classifier in classifiers]
    images = tables[0][KEYS]
    labels, groups = images["label"].to_numpy(), images["patient_group"].to_numpy()
    measured, is_right = [], []
    for classifier, table in zip(classifiers, tables, strict=True):
        check_same_images(classifiers[0].name, images, classifier.name, table[KEYS])
        probabilities = table["probability"].to_numpy()
        measured.append(estimate.sample(labels, probabilities, classifier.threshold, groups, n_samples, seed))
        is_right.append((probabilities >= classifier.threshold) == labels)
    # Metrics of every training become trainings of every metric; (trainings, n) -> (n,).
    by_metric = {metric: [training[metric] for training in measured] for metric in measured[0]}
    return Measured(name, images, np.mean(is_right, axis=0), by_metric, network or name)


def check_same_images(one: str, images: pd.DataFrame, two: str, others: pd.DataFrame) -> None:
    """Raises UserError unless two classifiers' test images, sorted by path, have equal KEYS."""
    if not images[KEYS].equals(others[KEYS]):
        raise UserError(
            f"{one} and {two} were tested on different images; compare runs of one data source, split.protocol and "
            "split.seed"
        )


def _check_comparable(configurations: list[Measured]) -> None:
    first, *others = configurations
    for other in others:
        check_same_images(first.name, first.images, other.name, other.images)


def spread(configurations: list[Measured], metric: str) -> Spread:
    """How far a metric of these configurations would lie elsewhere; they have the same number of samples and seed."""
    sampled = [configuration.sampled[metric] for configuration in configurations]
    n_with = Counter(configuration.network for configuration in configurations)
    return trainings.from_draws(
        [np.array([training.value for training in alike]) for alike in sampled],
        [np.array([training.draws for training in alike]) for alike in sampled],
        np.array([1 / n_with[configuration.network] for configuration in configurations]),
    )


def estimates(configurations: list[Measured]) -> list[dict[str, Estimate]]:
    """Every metric of every configuration, the mean over its trainings, with its 95% interval.

    It covers other patients and other trainings (Hillis 2007, a single modality); of a configuration with one training
    it is the percentile interval of the bootstrap, which covers patients alone. Where all or none of the images are
    right it is that of so many patients, see Sampled.opened. `sd` is the deviation of the trainings.

    Raises UserError where they were not tested on the same images.
    """
    _check_comparable(configurations)
    spreads = {metric: spread(configurations, metric) for metric in configurations[0].sampled}
    return [
        {metric: _alone(spreads[metric], i, metric, alike) for metric, alike in configuration.sampled.items()}
        for i, configuration in enumerate(configurations)
    ]


def _alone(spread: Spread, one: int, metric: str, alike: list[Sampled]) -> Estimate:
    if len(alike) == 1:
        return estimate.estimate(alike)
    contrast = spread.single(one)
    low, high = estimate.mean(alike).opened(*np.clip(contrast.interval(), *COMPARED[metric]))
    return Estimate(contrast.value, float(low), float(high), float(np.sqrt(spread.between[one])))


def compare(configurations: list[Measured], margin: float | None) -> list[Comparison]:
    """Every pair of configurations, in the order of itertools.combinations; all adjusted for their number.

    They must have been measured with the same number of samples and seed: then a draw has the same patients for all.
    Nothing here can tell another seed; with one, pairs count as tested on other patients, and intervals are too wide.
    `margin`: a difference that does not matter; without one no pair is called practically equal.

    Raises UserError where they were not tested on the same images.
    """
    _check_comparable(configurations)
    pairs = list(combinations(configurations, 2))
    accuracies, aurocs = (_differences(configurations, metric, margin) for metric in ("accuracy", "auroc"))
    return [
        Comparison(
            accuracy,
            auroc,
            # Summed over images, the chance that a classifier of one is right and one of the other is wrong.
            n_only_first_right=float((one.is_right * (1 - two.is_right)).sum()),
            n_only_second_right=float((two.is_right * (1 - one.is_right)).sum()),
        )
        for (one, two), accuracy, auroc in zip(pairs, accuracies, aurocs, strict=True)
    ]


def _differences(configurations: list[Measured], metric: str, margin: float | None) -> list[Difference]:
    """The differences of all pairs in one metric."""
    together = spread(configurations, metric)
    pairs = list(combinations(range(len(configurations)), 2))
    n_images, n_patients = len(configurations[0].images), configurations[0].n_patients
    # Of too few patients no number of trainings tells that it is equal, of very few nor that it is not.
    is_in_reach = margin is not None and len(pairs) * significance.unseen(margin, n_patients) <= SIGNIFICANCE
    equal_within = margin if is_in_reach else None
    is_enough = len(pairs) * significance.least_p(n_patients) <= SIGNIFICANCE
    found = []
    for pair, one in zip(pairs, significance.tested(together, margin, n_patients), strict=True):
        is_open = is_enough and one.verdict is Verdict.UNTOLD
        more = needed.what_would_tell(together, pair, n_images, len(pairs), equal_within) if is_open else None
        low, high = np.clip(one.contrast.interval(), -1.0, 1.0)
        value = Estimate(one.contrast.value, float(low), float(high))
        found.append(Difference(value, one.p, one.p_adjusted, one.p_beyond, one.contrast.covers_trainings, more))
    return found
