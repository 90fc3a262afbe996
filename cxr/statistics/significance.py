"""The verdict on a difference between configurations: its p for all pairs, and what they let one say."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np

from cxr.statistics.trainings import Contrast, Spread

SIGNIFICANCE = 0.05


class Verdict(StrEnum):
    """What is known of a difference."""

    DIFFER = "differ"
    EQUAL = "practically equal"
    TRAININGS = "these trainings differ"
    UNTOLD = "cannot be told"


def verdict(p_adjusted: float, p_beyond: float, covers_trainings: bool) -> Verdict:
    """The verdict on a difference, from its two p for all pairs; see comparison.Difference."""
    if covers_trainings and p_beyond <= SIGNIFICANCE:
        return Verdict.EQUAL
    if p_adjusted <= SIGNIFICANCE:
        return Verdict.DIFFER if covers_trainings else Verdict.TRAININGS
    return Verdict.UNTOLD


@dataclass(frozen=True)
class Tested:
    """The contrast of a pair, and its p; see comparison.Difference."""

    contrast: Contrast
    p: float
    p_adjusted: float
    p_beyond: float

    @property
    def verdict(self) -> Verdict:
        return verdict(self.p_adjusted, self.p_beyond, self.contrast.covers_trainings)


def tested(together: Spread, margin: float | None, n_patients: float) -> list[Tested]:
    """Every pair of configurations, in the order of itertools.combinations.

    `margin`: the size from which a difference matters; without one `p_beyond` is NaN.

    Errors of either kind, a difference that is none and an equality that is none, are each adjusted for. Classifiers
    that differ on a share `margin` of the patients may show it on none of `n_patients`: however alike they are on
    these, p of the second is not below the chance of that.
    """
    contrasts = [together.difference(*pair) for pair in combinations(range(len(together.n)), 2)]
    alone = [_p(contrast, n_patients) for contrast in contrasts]
    if margin is None:
        beyond = [np.nan] * len(contrasts)
    else:
        least = unseen(margin, n_patients)
        beyond = holm([max(contrast.p_beyond(margin), least) for contrast in contrasts])
    return [Tested(*one) for one in zip(contrasts, alone, holm(alone), beyond, strict=True)]


def _p(contrast: Contrast, n_patients: float) -> float:
    """p that there is no difference, no less than so many patients can show.

    Where all of them speak alike the bootstrap knows no variance, and its p would be 0.
    """
    return max(contrast.p(), least_p(n_patients))


def least_p(n_patients: float) -> float:
    """The least two-sided p of exchanging two classifiers patient by patient: of 2^n ways two are the most extreme."""
    return float(2 ** (1 - n_patients))


def unseen(share: float, n_patients: float) -> float:
    """The chance that what this share of all patients has is seen in none of so many."""
    return float((1 - share) ** n_patients)


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
