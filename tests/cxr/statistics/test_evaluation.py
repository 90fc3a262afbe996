import pandas as pd
import pytest

from cxr.statistics import estimate, evaluation, metrics
from cxr.statistics.params import EvaluateParams
from cxr.statistics.threshold import choose_threshold
from cxr.vocabulary import CLASSES
from tests.cxr.statistics.classifiers_made import sample


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
    params = EvaluateParams(threshold=rule, crop=1.0, flip=False, temperature="none", bootstrap_samples=200, seed=0)
    figures = evaluation.measure(val, test, params)
    names = "n_images n_groups loss precision f1 brier ece threshold"
    with_intervals = ("accuracy", "balanced_accuracy", "mcc", "auroc", "sensitivity", "specificity")
    ends = {f"{name}_{side}" for name in with_intervals for side in ("low", "high")}
    assert set(figures) == {*names.split(), *with_intervals} | ends
    labels, probabilities, groups = (test[key].to_numpy() for key in ("label", "probability", "patient_group"))
    assert (figures["n_images"], figures["n_groups"]) == (len(labels), len(set(groups)))
    # Of the validation's threshold and of whole patients, whichever rule it is.
    threshold = choose_threshold(rule, val["label"].to_numpy(), val["probability"].to_numpy())
    assert figures["threshold"] == threshold
    assert metrics.at_threshold(labels, probabilities, threshold).items() <= figures.items()
    drawn = estimate.sample(labels, probabilities, threshold, groups, 200, 0)
    assert estimate.keyed({name: estimate.estimate([one]) for name, one in drawn.items()}).items() <= figures.items()
    for name in with_intervals:
        assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]
    assert figures == evaluation.measure(val, test, params)


def test_the_threshold_does_not_see_the_test_part() -> None:
    val, test = tables(5)
    params = EvaluateParams(threshold="youden", crop=1.0, flip=False, temperature="none", bootstrap_samples=100, seed=0)
    turned = test.assign(label=1 - test["label"])
    assert evaluation.measure(val, test, params)["threshold"] == evaluation.measure(val, turned, params)["threshold"]


def test_curves_begin_and_end_where_they_must() -> None:
    _, test = tables(5)
    roc = evaluation.roc(test)
    assert roc.iloc[0][["false_positive_rate", "sensitivity"]].tolist() == [0, 0]
    assert roc.iloc[-1][["false_positive_rate", "sensitivity"]].tolist() == [1, 1]
    assert evaluation.precision_recall(test)["prevalence"].unique().tolist() == [test["label"].mean()]
    assert evaluation.calibration(test)["n_images"].sum() == len(test)
    confusion = evaluation.confusion(test, 0.5, CLASSES)
    right = (confusion["actual"] == confusion["predicted"]).mean()
    assert right == metrics.at_threshold(test["label"], test["probability"], 0.5)["accuracy"]


def test_curves_of_four_images_are_known() -> None:
    """Normal at .2 and .6, pneumonia at .5 and .9; at the threshold itself an image is called pneumonia."""
    test = pd.DataFrame({"label": [0, 0, 1, 1], "probability": [0.2, 0.6, 0.5, 0.9]})
    roc = [(0, 0, 1), (0, 0.5, 0.9), (0.5, 0.5, 0.6), (0.5, 1, 0.5), (1, 1, 0.2)]
    expected = pd.DataFrame(roc, columns=["false_positive_rate", "sensitivity", "threshold"], dtype=float)
    pd.testing.assert_frame_equal(evaluation.roc(test), expected)
    points = set(zip(*(evaluation.precision_recall(test)[key] for key in ("recall", "precision")), strict=True))
    assert {(1, 0.5), (1, 2 / 3), (0.5, 1)} <= points
    confusion = evaluation.confusion(test, 0.6, ["well", "ill"])
    assert confusion["actual"].tolist() == ["well", "well", "ill", "ill"]
    assert confusion["predicted"].tolist() == ["well", "ill", "well", "ill"]
    assert evaluation.calibration(test)["observed"].tolist() == [0, 1, 0, 1]
