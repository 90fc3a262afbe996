import numpy as np
import pytest

from cxr.statistics.timing import noise, speed_ratio


def test_without_two_runs_of_one_network_nobody_knows_the_noise() -> None:
    assert noise([[100.0], [50.0]]) is None


def test_the_ratio_is_of_geometric_means_and_turns_with_the_pair() -> None:
    runs = [[100.0, 121.0], [50.0]]
    known = noise(runs)
    assert known is not None
    there, back = speed_ratio(runs[0], runs[1], known), speed_ratio(runs[1], runs[0], known)
    assert there.value == pytest.approx(110 / 50)
    assert (there.low, there.high) == pytest.approx((1 / back.high, 1 / back.low))


def test_equal_networks_a_quarter_apart_leave_a_fifth_untold() -> None:
    known = noise([[200.0, 250.0, 225.0], [100.0, 125.0]])
    assert known is not None
    assert speed_ratio([240.0], [200.0], known).holds(1)
    assert not speed_ratio([600.0], [200.0], known).holds(1)


def test_the_factor_is_where_two_single_runs_are_told_apart() -> None:
    known = noise([[200.0, 250.0, 225.0], [100.0, 125.0]])
    assert known is not None
    assert speed_ratio([100 * known.factor * 0.999], [100.0], known).holds(1)
    assert not speed_ratio([100 * known.factor * 1.001], [100.0], known).holds(1)


def test_intervals_hold_the_true_ratio_about_95_times_in_100() -> None:
    """Speeds 25% apart by noise; one network twice as fast as the other, runs of a third tell of the noise too."""
    rng = np.random.default_rng(0)
    n_trials, held = 1000, 0
    for _ in range(n_trials):
        one, two, third = (list(speed * np.exp(rng.normal(0, 0.12, n))) for speed, n in ((200, 2), (100, 1), (150, 3)))
        known = noise([one, two, third])
        assert known is not None
        held += speed_ratio(one, two, known).holds(2)
    # Four standard errors of 1,000 trials.
    assert held / n_trials == pytest.approx(0.95, abs=0.028)
