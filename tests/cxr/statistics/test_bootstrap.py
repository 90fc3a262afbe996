import numpy as np
import pytest
from scipy.stats import bootstrap as scipys

from cxr.statistics import bootstrap, metrics
from tests.cxr.statistics.classifiers_made import sample


def draws(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Bootstrap values of the accuracy at 0.5."""
    return bootstrap.draws(lambda w: {"a": metrics.accuracy(labels, probabilities >= 0.5, w)}, groups, n, seed)["a"]


def test_a_group_is_drawn_whole_and_all_draws_are_of_equal_size_in_groups() -> None:
    _, _, groups = sample(0)
    weights = np.concatenate(list(bootstrap.group_weights(groups, 300, 0)))
    assert weights.shape == (300, len(groups))
    _, first = np.unique(groups, return_index=True)
    for group in np.unique(groups):
        of_group = weights[:, groups == group]
        assert (of_group == of_group[:, :1]).all()
    assert (weights[:, first].sum(axis=1) == len(first)).all()


def test_draws_that_are_too_many_to_keep_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, groups = sample(0)
    kept = [np.concatenate(list(bootstrap.group_weights(groups, 300, 0))) for _ in range(2)]
    monkeypatch.setattr(bootstrap, "MOST_KEPT", 0)
    assert all((weights == np.concatenate(list(bootstrap.group_weights(groups, 300, 0)))).all() for weights in kept)


def test_the_draws_are_the_same_however_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, probabilities, groups = sample(0)
    at_once = draws(labels, probabilities, groups, 300, 0)
    assert len(next(bootstrap.group_weights(groups, 300, 0))) == bootstrap.N_DRAWS_AT_ONCE
    monkeypatch.setattr(bootstrap, "MOST_AT_ONCE", 7 * len(groups))
    assert len(next(bootstrap.group_weights(groups, 300, 0))) == 7
    assert np.allclose(draws(labels, probabilities, groups, 300, 0), at_once, rtol=1e-14, atol=0)


def test_a_part_too_large_for_one_draw_at_once_is_drawn_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MOST_AT_ONCE", 1)
    assert len(list(bootstrap.group_weights(np.arange(5), 3, 0))) == 3


def test_intervals_are_wider_where_images_of_a_patient_agree() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 2, 60), 10)
    probabilities = np.clip(np.repeat(rng.random(60), 10), 0.01, 0.99)
    patients, images = np.repeat(np.arange(60), 10), np.arange(600)

    def width(groups: np.ndarray) -> float:
        low, high = bootstrap.interval(draws(labels, probabilities, groups, 500, 0))
        return high - low

    assert width(patients) > 2 * width(images)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_95_times_in_100() -> None:
    """Accuracy of a classifier that is right 80% of the time, patients of one to three images that agree."""
    n_trials, covered = 300, 0
    for trial in range(n_trials):
        rng = np.random.default_rng([7, trial])
        sizes = rng.integers(1, 4, 150)
        labels = np.repeat(rng.integers(0, 2, 150), sizes)
        is_right = np.repeat(rng.random(150) < 0.8, sizes)
        probabilities = np.where(is_right, labels, 1 - labels) * 0.8 + 0.1
        groups = np.repeat(np.arange(150), sizes)
        low, high = bootstrap.interval(draws(labels, probabilities, groups, 400, trial))
        covered += low <= 0.8 <= high
    # 95% plus or minus three standard errors of 300 trials, and the percentile interval's known shortfall.
    assert 0.90 <= covered / n_trials <= 0.99


def test_the_bootstrap_is_scipys_on_groups() -> None:
    """Two images per group: the mean of group means is the accuracy, which scipy can resample."""
    rng = np.random.default_rng(0)
    labels, is_right = rng.integers(0, 2, 400), rng.random(400) < 0.8
    probabilities, groups = np.where(is_right == (labels == 1), 0.9, 0.1), np.arange(400) // 2
    by_group = is_right.reshape(-1, 2).mean(axis=1)
    theirs = scipys((by_group,), np.mean, n_resamples=20_000, method="percentile", random_state=1).confidence_interval
    low, high = bootstrap.interval(draws(labels, probabilities, groups, 20_000, 0))
    one_image = 1.001 / 400
    assert low == pytest.approx(theirs.low, abs=one_image)
    assert high == pytest.approx(theirs.high, abs=one_image)


def test_draws_that_leave_a_figure_undefined_are_left_out_of_its_interval() -> None:
    assert bootstrap.interval(np.array([3.0, np.nan, 1.0])) == pytest.approx((1.05, 2.95))


def test_the_same_groups_are_drawn_for_every_figure_and_every_classifier() -> None:
    labels, probabilities, groups = sample(3)
    one, two = (draws(labels, values, groups, 300, 4) for values in (probabilities, 1 - probabilities + 1e-9))
    np.testing.assert_allclose(one + two, 1, atol=0.05, err_msg="what one gets right the other gets wrong")
