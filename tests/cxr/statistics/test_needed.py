from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cxr.statistics import needed
from cxr.statistics.needed import POWER, what_would_tell
from cxr.statistics.significance import SIGNIFICANCE, Verdict
from cxr.statistics.trainings import Spread, spread
from tests.cxr.statistics.classifiers_made import nested

N_IMAGES, K = 600, 4


def study(values: list[float], n: int, n_images: int, sd: float, seed: int | None) -> Spread:
    """A study of K configurations with these truths; without a seed it has no luck: values as they are expected."""
    covariance = nested([n] * K, 4.0e-4, 3.7e-4, 3.4e-4) * N_IMAGES / n_images
    # Two groups of trainings a fixed way off the mean, which gives MS its expectation.
    off = np.sqrt((sd**2 + 0.3e-4 * N_IMAGES / n_images) * (n - 1) / n) * np.resize([1.0, -1.0], n)
    if seed is None:
        return spread([value + off for value in values], covariance)
    rng = np.random.default_rng(seed)
    # Patients in common to all, to a configuration, and to a training alone.
    shared = np.sqrt(np.array([3.4e-4, 0.3e-4, 0.3e-4]) * N_IMAGES / n_images)
    drawn = shared[0] * rng.normal() + shared[1] * rng.normal(size=(K, 1)) + shared[2] * rng.normal(size=(K, n))
    return spread(list(np.array(values)[:, None] + drawn + sd * rng.normal(size=(K, n))), covariance)


@pytest.mark.parametrize("sd", [0.005, 0.015])
@pytest.mark.parametrize(
    ("difference", "verdict"), [(0.03, Verdict.DIFFER), (0.002, Verdict.EQUAL), (0.0, Verdict.EQUAL)]
)
def test_with_what_is_needed_it_is_told_in_four_of_five(sd: float, difference: float, verdict: Verdict) -> None:
    values, margin, n_pairs = [0.8, 0.8 + difference, 0.8, 0.8], 0.02, 6
    found = what_would_tell(study(values, 4, N_IMAGES, sd, None), (0, 1), N_IMAGES, n_pairs, margin)
    assert found is not None
    assert found.verdict is verdict
    size, level, told = found.size, SIGNIFICANCE / n_pairs, 0
    for seed in range(400):
        contrast = study(values, size.n_trainings, size.n_images, sd, seed).difference(0, 1)
        p = contrast.p() if verdict is Verdict.DIFFER else contrast.p_beyond(margin)
        told += p <= level
    # Three standard errors of 400 studies; whole trainings, and two ends of a margin, can ask for more than is needed.
    assert POWER - 0.06 < told / 400 < 0.95


def test_more_is_never_needed_of_both_for_a_larger_difference() -> None:
    together = study([0.8, 0.83, 0.8, 0.8], 3, N_IMAGES, 0.01, None)
    costs = [needed.size(together, 0, 1, N_IMAGES, distance, 0.025, POWER).cost for distance in (0.01, 0.02, 0.04, 0.1)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == 3 * N_IMAGES, "never less than there is"


def test_it_is_the_cheapest_of_the_studies_that_are_large_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    together = study([0.8, 0.83, 0.8, 0.8], 3, N_IMAGES, 0.01, None)
    costs = []
    for most in (8, 12, 40, 200):
        monkeypatch.setattr(needed, "MOST_TRAININGS", most)
        costs.append(needed.size(together, 0, 1, N_IMAGES, 0.02, 0.025, POWER).cost)
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize("n", [2, 4])
def test_without_luck_it_is_just_enough_however_many_trainings_told_it(n: int) -> None:
    values, level = [0.8, 0.83, 0.8, 0.8], SIGNIFICANCE / 2
    size = needed.size(study(values, n, N_IMAGES, 0.015, None), 0, 1, N_IMAGES, 0.03, level, POWER)
    difference = study(values, size.n_trainings, size.n_images, 0.015, None).difference(0, 1)
    asked = stats.t.ppf(1 - level, difference.degrees) + stats.norm.ppf(POWER)
    assert 1 <= difference.value / difference.standard_error / asked < 1.05


@pytest.mark.parametrize(("others", "pair"), [(4, 2), (2, 4)])
def test_of_each_are_so_many_needed_whoever_had_more(others: int, pair: int) -> None:
    """What is known of the variance counts, not by how many trainings of which configuration it came to be known."""
    few, many = (study([0.8, 0.83, 0.8, 0.8], n, N_IMAGES, 0.01, None) for n in (pair, others))
    n = np.array([pair, pair, others, others])
    unequal = replace(few, n=n, between=np.where(n == pair, few.between, many.between))
    told = [needed.size(one, 0, 1, N_IMAGES, 0.02, SIGNIFICANCE / 2, POWER) for one in (few, unequal)]
    assert unequal.is_pooled.all()
    assert told[0] == told[1]


def test_no_difference_and_no_margin_want_nothing() -> None:
    assert what_would_tell(study([0.8] * 4, 3, N_IMAGES, 0.01, None), (0, 1), N_IMAGES, 6, None) is None


def test_what_no_study_in_reach_would_tell_is_none() -> None:
    assert what_would_tell(study([0.8, 0.801, 0.8, 0.8], 3, N_IMAGES, 0.05, None), (0, 1), N_IMAGES, 6, None) is None


def test_of_a_single_training_it_is_the_images_that_the_patients_ask_for() -> None:
    values = [np.array([0.8]), np.array([0.82])]
    together = spread(values, nested([1, 1], 4e-4, 0, 3e-4))
    size = needed.size(together, 0, 1, 600, 0.02, 0.025, 0.8)
    assert size is not None
    assert size.n_trainings == 2
    # (1.96 + 0.84)^2 * 2e-4 / 0.02^2 = 3.92 times the images.
    assert size.n_images == pytest.approx(3.924 * 600, rel=0.001)
