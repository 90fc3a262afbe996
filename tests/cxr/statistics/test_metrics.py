from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from cxr.statistics import bootstrap, metrics
from tests.cxr.statistics.classifiers_made import sample

N_DRAWS = 8
AT_THRESHOLD = {
    "accuracy": theirs.accuracy_score,
    "mcc": theirs.matthews_corrcoef,
    "balanced_accuracy": theirs.balanced_accuracy_score,
    "sensitivity": theirs.recall_score,
    "specificity": lambda *labels, **options: theirs.recall_score(*labels, pos_label=0, **options),
    "precision": lambda *labels, **options: theirs.precision_score(*labels, zero_division=0, **options),
    "f1": lambda *labels, **options: theirs.f1_score(*labels, zero_division=0, **options),
}
OF_PROBABILITIES = {
    "loss": theirs.log_loss,
    "auroc": theirs.roc_auc_score,
    "brier": theirs.brier_score_loss,
}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), threshold=st.sampled_from([0.0, 0.31, 0.5, 0.9, 1.1]))
def test_every_figure_is_that_of_scikit_learn_with_and_without_weights(seed: int, threshold: float) -> None:
    labels, probabilities, groups = sample(seed, 80)
    weights = next(bootstrap.group_weights(groups, N_DRAWS, seed))
    predicted = probabilities >= threshold

    def ours(weights: np.ndarray | None) -> dict[str, np.ndarray]:
        at_threshold = metrics.at_threshold(labels, probabilities, threshold, weights)
        return at_threshold | metrics.of_probabilities(labels, probabilities, weights)

    def expected(weights: np.ndarray | None) -> dict[str, float]:
        at_threshold = {name: f(labels, predicted, sample_weight=weights) for name, f in AT_THRESHOLD.items()}
        return at_threshold | {
            name: f(labels, probabilities, sample_weight=weights) for name, f in OF_PROBABILITIES.items()
        }

    plain, weighted = ours(None), ours(weights)
    assert set(plain) == {*AT_THRESHOLD, *OF_PROBABILITIES, "ece"}
    for name, value in expected(None).items():
        assert plain[name] == pytest.approx(value, abs=1e-12), name
    for draw, row in enumerate(weights):
        for name, value in expected(row).items():
            assert weighted[name][draw] == pytest.approx(value, abs=1e-12), name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_weight_is_how_often_an_image_counts(seed: int) -> None:
    """Weighted calibration error, which scikit-learn has not: an image of weight 2 is two images."""
    labels, probabilities, groups = sample(seed, 80)
    weights = next(bootstrap.group_weights(groups, N_DRAWS, seed))
    for weighted, row in zip(metrics.of_probabilities(labels, probabilities, weights)["ece"], weights, strict=True):
        repeated = np.repeat(np.arange(len(labels)), row.astype(int))
        again = metrics.of_probabilities(labels[repeated], probabilities[repeated])["ece"]
        assert weighted == pytest.approx(again)


def test_a_class_that_no_weight_falls_on_has_no_figure() -> None:
    labels, probabilities = np.array([0, 0, 1]), np.array([0.1, 0.6, 0.8])
    found = metrics.compared(labels, probabilities, 0.5, np.array([[1.0, 1, 0], [0, 0, 1]]))
    np.testing.assert_array_equal(found["accuracy"], [0.5, 1])
    np.testing.assert_array_equal(found["auroc"], [np.nan, np.nan])
    np.testing.assert_array_equal(found["sensitivity"], [np.nan, 1])
    np.testing.assert_array_equal(found["specificity"], [0.5, np.nan])


def test_the_four_figures_that_are_compared_are_the_ones_by_those_names() -> None:
    labels, probabilities, _ = sample(0)
    found = metrics.at_threshold(labels, probabilities, 0.4) | metrics.of_probabilities(labels, probabilities)
    compared = metrics.compared(labels, probabilities, 0.4)
    assert compared == {name: found[name] for name in compared}


@pytest.mark.parametrize(
    "figure",
    [
        metrics.auroc,
        metrics.brier,
        metrics.cross_entropy,
        metrics.expected_calibration_error,
        metrics.calibration_bins,
        lambda labels, probabilities: metrics.at_threshold(labels, probabilities, 0.5),
        lambda labels, probabilities: metrics.compared(labels, probabilities, 0.5),
    ],
)
def test_a_probability_that_is_no_number_has_no_figure(figure: Callable[..., object]) -> None:
    labels = np.array([0, 1, 0, 1])
    figure(labels, np.array([0.1, 0.9, 0.4, 0.6]))
    with pytest.raises(ValueError, match="a probability is NaN"):
        figure(labels, np.array([0.1, 0.9, np.nan, 0.6]))


def test_calibration_error_of_known_cases() -> None:
    labels = np.array([0, 1] * 50)
    assert metrics.expected_calibration_error(labels, np.full(100, 0.5)) == pytest.approx(0)
    assert metrics.expected_calibration_error(labels, np.full(100, 0.9)) == pytest.approx(0.4)
    assert metrics.expected_calibration_error(labels, labels.astype(float)) == pytest.approx(0)


def test_bins_of_calibration_have_what_falls_into_them() -> None:
    """The last one is closed, and empty ones are left out."""
    labels, probabilities = np.array([0, 0, 1, 0, 1, 1]), np.array([0.0, 0.04, 0.08, 0.9, 0.96, 1.0])
    found = metrics.calibration_bins(labels, probabilities)
    np.testing.assert_allclose(found["predicted"], [0.12 / 3, 2.86 / 3])
    np.testing.assert_allclose(found["observed"], [1 / 3, 2 / 3])
    assert found["n_images"].tolist() == [3, 3]
    assert metrics.expected_calibration_error(labels, probabilities) == pytest.approx((1 - 0.12 + 2.86 - 2) / 6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_a_sure_error_is_that_of_scikit_learn(dtype: type) -> None:
    labels, probabilities = np.array([1, 1, 0, 0]), np.array([0.0, 1e-5, 1.0, 0.0], dtype)
    assert metrics.cross_entropy(labels, probabilities) == pytest.approx(theirs.log_loss(labels, probabilities))
