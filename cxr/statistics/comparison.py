"""Compare configurations on the same test images; trainings of one configuration differ in their seed alone.

Everything said of a pair has one basis: the mean over the trainings of each, on the same patients, and how far it would
lie elsewhere after other trainings on other patients (see trainings.py). Estimate, interval, p, verdict and what would
tell a pair apart all follow from it.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.errors import UserError
from cxr.statistics import estimate, needed, trainings
from cxr.statistics.estimate import Estimate, Sampled
from cxr.statistics.metrics import COMPARED
from cxr.statistics.needed import Size
from cxr.statistics.trainings import Contrast, Spread

SIGNIFICANCE, POWER = 0.05, 0.8
# What tells a test image, and what has to be equal for two classifiers to be compared.
KEYS = ["path", "patient_group", "label"]


class Verdict(StrEnum):
    """What is known of a difference."""

    DIFFER = "differ"
    EQUAL = "practically equal"
    TRAININGS = "these trainings differ"
    UNTOLD = "cannot be told"


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
class Needed:
    """What would tell a difference of the size that is seen in 4 of 5 studies, and what they would find."""

    size: Size
    verdict: Verdict


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
        return verdict(self.p_adjusted, self.p_beyond, self.covers_trainings)


def verdict(p_adjusted: float, p_beyond: float, covers_trainings: bool) -> Verdict:
    """The verdict on a difference, from its two p for all pairs; see Difference."""
    if covers_trainings and p_beyond <= SIGNIFICANCE:
        return Verdict.EQUAL
    if p_adjusted <= SIGNIFICANCE:
        return Verdict.DIFFER if covers_trainings else Verdict.TRAININGS
    return Verdict.UNTOLD


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
    it is the percentile interval of the bootstrap, which covers patients alone. `sd` is the deviation of the trainings.

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
    low, high = np.clip(contrast.interval(), *COMPARED[metric])
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
    is_in_reach = margin is not None and len(pairs) * _unseen(margin, n_patients) <= SIGNIFICANCE
    equal_within = margin if is_in_reach else None
    is_enough = len(pairs) * _least_p(n_patients) <= SIGNIFICANCE
    found = []
    for pair, (contrast, p_adjusted, p_beyond) in zip(pairs, tested(together, margin, n_patients), strict=True):
        is_open = is_enough and verdict(p_adjusted, p_beyond, contrast.covers_trainings) is Verdict.UNTOLD
        more = what_would_tell(together, pair, n_images, len(pairs), equal_within) if is_open else None
        low, high = np.clip(contrast.interval(), -1.0, 1.0)
        value = Estimate(contrast.value, float(low), float(high))
        p = _p(contrast, n_patients)
        found.append(Difference(value, p, p_adjusted, p_beyond, contrast.covers_trainings, more))
    return found


def tested(together: Spread, margin: float | None, n_patients: float) -> list[tuple[Contrast, float, float]]:
    """Of every pair its contrast, p for all pairs that there is no difference, and that it is `margin` or more.

    Errors of either kind, a difference that is none and an equality that is none, are each adjusted for. Classifiers
    that differ on a share `margin` of the patients may show it on none of `n_patients`: however alike they are on
    these, p of the second is not below the chance of that.
    """
    contrasts = [together.difference(*pair) for pair in combinations(range(len(together.n)), 2)]
    adjusted = holm([_p(contrast, n_patients) for contrast in contrasts])
    if margin is None:
        beyond = [np.nan] * len(contrasts)
    else:
        unseen = _unseen(margin, n_patients)
        beyond = holm([max(contrast.p_beyond(margin), unseen) for contrast in contrasts])
    return list(zip(contrasts, adjusted, beyond, strict=True))


def _p(contrast: Contrast, n_patients: float) -> float:
    """p that there is no difference, no less than so many patients can show.

    Where all of them speak alike the bootstrap knows no variance, and its p would be 0.
    """
    return max(contrast.p(), _least_p(n_patients))


def _least_p(n_patients: float) -> float:
    """The least two-sided p of exchanging two classifiers patient by patient: of 2^n ways two are the most extreme."""
    return float(2 ** (1 - n_patients))


def _unseen(share: float, n_patients: float) -> float:
    """The chance that what this share of all patients has is seen in none of so many."""
    return float((1 - share) ** n_patients)


def verdicts(together: Spread, margin: float | None, n_patients: float) -> list[Verdict]:
    """The verdict on every pair of configurations, in the order of itertools.combinations; see `tested`."""
    return [
        verdict(p_adjusted, p_beyond, contrast.covers_trainings)
        for contrast, p_adjusted, p_beyond in tested(together, margin, n_patients)
    ]


def what_would_tell(
    together: Spread, pair: tuple[int, int], n_images: int, n_pairs: int, margin: float | None
) -> Needed | None:
    """The cheapest study that would tell this pair among `n_pairs`: apart, or equal within the margin.

    None where nothing in reach would, as where there is no difference and no margin.
    """
    value = abs(together.difference(*pair).value)
    # How far the value lies from what has to be excluded: 0, at two sides' share of the level; or both ends of the
    # margin, each with half of the risk to miss it.
    options = [(Verdict.DIFFER, value, SIGNIFICANCE / 2, POWER)]
    if margin is not None:
        options.append((Verdict.EQUAL, margin - value, SIGNIFICANCE, (1 + POWER) / 2))
    sizes = {
        verdict: needed.size(together, *pair, n_images, distance, level / n_pairs, power)
        for verdict, distance, level, power in options
        if distance > 0
    }
    found = [Needed(size, verdict) for verdict, size in sizes.items() if size is not None]
    return min(found, key=lambda one: one.size.cost, default=None)


def holm(p_values: list[float]) -> list[float]:
    """P-values adjusted for their number by Holm's step-down method (Holm 1979); NaN stays NaN and does not count.

    The smallest of m counts m times, the next m - 1 times, and none less than one before it. Own code, because
    statsmodels' multipletests collects Python's garbage at each call: 70 to 300 ms.
    """
    adjusted = np.array(p_values, dtype=np.float64)
    order = np.argsort(adjusted)[: np.count_nonzero(~np.isnan(adjusted))]  # NaN is sorted to the end
    counts = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(counts * adjusted[order]))
    return [float(p) for p in adjusted]
