import math

import numpy as np
import pytest

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
