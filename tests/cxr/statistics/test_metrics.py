import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from cxr.statistics import bootstrap, evaluation, metrics
from cxr.statistics.params import EvaluateParams


def sample(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities with ties, and patient groups of different sizes."""
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, n // 2, n))
    labels = rng.integers(0, 2, n // 2)[groups]
    probabilities = np.round(1 / (1 + np.exp(-(labels * 1.5 - 0.75 + rng.normal(0, 1, n)))), 2)
    return labels, probabilities, groups


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_weighted_auroc_is_that_of_scikit_learn(seed: int) -> None:
    labels, probabilities, groups = sample(seed, 80)
    weights = next(bootstrap.group_weights(groups, 8, seed))
    ours = bootstrap.weighted_auroc(labels, probabilities, weights)
    for value, row in zip(ours, weights, strict=True):
        assert value == pytest.approx(roc_auc_score(labels, probabilities, sample_weight=row))


def test_a_group_is_drawn_whole_and_all_draws_are_of_equal_size_in_groups() -> None:
    _, _, groups = sample(0)
    weights = np.concatenate(list(bootstrap.group_weights(groups, 300, 0)))
    assert weights.shape == (300, len(groups))
    _, first = np.unique(groups, return_index=True)
    for group in np.unique(groups):
        of_group = weights[:, groups == group]
        assert (of_group == of_group[:, :1]).all()
    assert (weights[:, first].sum(axis=1) == len(first)).all()


def test_intervals_are_wider_where_images_of_a_patient_agree() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 2, 60), 10)
    probabilities = np.clip(np.repeat(rng.random(60), 10), 0.01, 0.99)
    patients, images = np.repeat(np.arange(60), 10), np.arange(600)

    def width(groups: np.ndarray) -> float:
        low, high = bootstrap.interval(bootstrap.draws(labels, probabilities, groups, 0.5, 500, 0)["accuracy"])
        return high - low

    assert width(patients) > 2 * width(images)


def test_intervals_cover_the_truth_about_95_times_in_100() -> None:
    """Accuracy of a classifier that is right 80% of the time, patients of one to three images that agree."""
    n_trials, covered = 300, 0
    for trial in range(n_trials):
        rng = np.random.default_rng([7, trial])
        sizes = rng.integers(1, 4, 150)
        labels = np.repeat(rng.integers(0, 2, 150), sizes)
        is_right = np.repeat(rng.random(150) < 0.8, sizes)
        probabilities = np.where(is_right, labels, 1 - labels) * 0.8 + 0.1
        draws = bootstrap.draws(labels, probabilities, np.repeat(np.arange(150), sizes), 0.5, 400, trial)
        low, high = bootstrap.interval(draws["accuracy"])
        covered += low <= 0.8 <= high
    # 95% plus or minus three standard errors of 300 trials, and the percentile interval's known shortfall.
    assert 0.90 <= covered / n_trials <= 0.99


def test_thresholds_are_chosen_on_what_is_given() -> None:
    labels, probabilities, _ = sample(1)
    assert metrics.choose_threshold(0.4, labels, probabilities) == 0.4
    chosen = metrics.choose_threshold("sensitivity:0.95", labels, probabilities)
    figures = metrics.at_threshold(labels, probabilities, chosen)
    above = metrics.at_threshold(labels, probabilities, chosen + 0.011)
    assert figures["sensitivity"] >= 0.95 > above["sensitivity"]
    youden = metrics.choose_threshold("youden", labels, probabilities)
    best = max(
        sum(metrics.at_threshold(labels, probabilities, t)[key] for key in ("sensitivity", "specificity"))
        for t in np.unique(probabilities)
    )
    at_youden = metrics.at_threshold(labels, probabilities, youden)
    assert at_youden["sensitivity"] + at_youden["specificity"] == pytest.approx(best)


def test_calibration_error_of_known_cases() -> None:
    labels = np.array([0, 1] * 50)
    assert metrics.expected_calibration_error(labels, np.full(100, 0.5)) == pytest.approx(0)
    assert metrics.expected_calibration_error(labels, np.full(100, 0.9)) == pytest.approx(0.4)
    assert metrics.expected_calibration_error(labels, labels.astype(float)) == pytest.approx(0)


def tables(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    made = []
    for k in range(2):
        labels, probabilities, groups = sample(seed + k)
        names = [f"p{i:03d}" for i in range(len(labels))]
        columns = {"path": names, "patient_group": groups, "label": labels, "probability": probabilities}
        made.append(pd.DataFrame(columns))
    return made[0], made[1]


@pytest.mark.parametrize("rule", [0.5, "youden", "sensitivity:0.9"])
def test_measure_has_the_contracts_keys_and_intervals_hold_their_estimate(rule: float | str) -> None:
    val, test = tables(5)
    params = EvaluateParams(threshold=rule, bootstrap_samples=200, seed=0)
    figures = evaluation.measure(val, test, params)
    names = "n_images n_groups loss accuracy auroc sensitivity specificity precision f1 brier ece threshold"
    with_intervals = ("accuracy", "auroc", "sensitivity", "specificity")
    assert set(figures) == {*names.split(), *(f"{n}_{side}" for n in with_intervals for side in ("low", "high"))}
    for name in with_intervals:
        assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]
    assert figures == evaluation.measure(val, test, params)


def test_the_threshold_does_not_see_the_test_part() -> None:
    val, test = tables(5)
    params = EvaluateParams(threshold="youden", bootstrap_samples=100, seed=0)
    turned = test.assign(label=1 - test["label"])
    assert evaluation.measure(val, test, params)["threshold"] == evaluation.measure(val, turned, params)["threshold"]


def test_curves_begin_and_end_where_they_must() -> None:
    _, test = tables(5)
    roc = evaluation.roc(test)
    assert roc.iloc[0][["false_positive_rate", "sensitivity"]].tolist() == [0, 0]
    assert roc.iloc[-1][["false_positive_rate", "sensitivity"]].tolist() == [1, 1]
    assert evaluation.precision_recall(test)["prevalence"].unique().tolist() == [test["label"].mean()]
    assert evaluation.calibration(test)["n_images"].sum() == len(test)
    confusion = evaluation.confusion(test, 0.5)
    right = (confusion["actual"] == confusion["predicted"]).mean()
    assert right == metrics.at_threshold(test["label"], test["probability"], 0.5)["accuracy"]
