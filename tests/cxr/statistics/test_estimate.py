import math

import numpy as np
import pytest
from scipy import stats

from cxr.statistics.estimate import Estimate, Sampled, estimate, keyed, mean, read, sample
from tests.cxr.statistics import classifiers_made as made


def test_what_is_written_is_read_again() -> None:
    estimates = {"accuracy": Estimate(0.8, 0.7, 0.9), "auroc": Estimate(0.9, 0.85, 0.95)}
    written = keyed(estimates)
    assert list(written) == ["accuracy", "accuracy_low", "accuracy_high", "auroc", "auroc_low", "auroc_high"]
    for name, one in estimates.items():
        again = read(written, name)
        assert (again.value, again.low, again.high) == (one.value, one.low, one.high)
        assert math.isnan(again.sd)
    assert keyed({"auroc": Estimate(0.9, 0.85, 0.95, 0.01)}, with_sd=True)["auroc_sd"] == 0.01


def test_an_interval_holds_its_ends() -> None:
    one = Estimate(0.8, 0.7, 0.9)
    assert [one.holds(value) for value in (0.69, 0.7, 0.8, 0.9, 0.91)] == [False, True, True, True, False]


def test_trainings_are_averaged_draw_by_draw() -> None:
    trainings = [Sampled(0.8, np.array([0.7, 0.9])), Sampled(0.6, np.array([0.5, 0.7]))]
    assert mean(trainings).value == pytest.approx(0.7)
    np.testing.assert_allclose(mean(trainings).draws, [0.6, 0.8])
    found = estimate(trainings)
    assert found.sd == pytest.approx(np.std([0.8, 0.6], ddof=1))
    assert (found.low, found.high) == pytest.approx((0.605, 0.795))
    assert math.isnan(estimate(trainings[:1]).sd)


def test_a_sample_has_the_value_of_all_images_and_draws_about_it() -> None:
    labels, probabilities, groups = made.sample(0)
    for name, sampled in sample(labels, probabilities, 0.5, groups, 400, 0).items():
        assert sampled.draws.shape == (400,)
        assert abs(sampled.draws.mean() - sampled.value) < 0.5 * sampled.draws.std(), name
        assert estimate([sampled]).holds(sampled.value)


@pytest.mark.parametrize(("n", "end"), [(2, 0.1581), (20, 0.8316), (100, 0.9638)])
def test_where_all_or_none_are_right_the_open_end_is_clopper_and_pearsons(n: int, end: float) -> None:
    """n normal patients with two images each, and three pneumonias of three more patients."""
    groups = np.append(np.arange(n).repeat(2), [n, n + 1, n + 2])
    labels = np.append(np.zeros(2 * n, int), [1, 1, 1])
    assert stats.binomtest(n, n).proportion_ci(0.95, "exact").low == pytest.approx(end, abs=1e-4)
    for called, bounds in ((labels, (end, 1)), (1 - labels, (0, 1 - end))):
        drawn = sample(labels, called.astype(float), 0.5, groups, 100, 0)
        found = {name: estimate([one]) for name, one in drawn.items()}
        for of_trainings in (found["specificity"], estimate([drawn["specificity"]] * 2)):
            assert (of_trainings.low, of_trainings.high) == pytest.approx(bounds, abs=1e-4)
        assert found["sensitivity"].high - found["sensitivity"].low == pytest.approx(1 - 0.025 ** (1 / 3))
        assert found["accuracy"].high - found["accuracy"].low == pytest.approx(1 - 0.025 ** (1 / (n + 3)))
        assert found["auroc"].low == found["auroc"].high, "for which we know no such end"


@pytest.mark.parametrize(("n", "truth"), [(20, 0.95), (100, 0.99)])
def test_an_accuracy_near_1_on_few_patients_is_held_95_times_in_100(n: int, truth: float) -> None:
    """Without the exact end it is .64: in a third of all studies no error is seen."""
    labels, covered = np.arange(n) % 2, 0.0
    for n_right in range(n - 8, n + 1):
        called = np.where(np.arange(n) < n_right, labels, 1 - labels)
        found = estimate([sample(labels, called.astype(float), 0.5, np.arange(n), 1000, 0)["accuracy"]])
        covered += float(stats.binom.pmf(n_right, n, truth)) * found.holds(truth)
    assert covered > 0.95
