import numpy as np
import pytest

from cxr.statistics import metrics
from cxr.statistics.threshold import choose_threshold
from tests.cxr.statistics.classifiers_made import sample


def test_thresholds_are_chosen_on_what_is_given() -> None:
    labels, probabilities, _ = sample(1)
    assert choose_threshold(0.4, labels, probabilities) == 0.4
    chosen = choose_threshold("sensitivity:0.95", labels, probabilities)
    figures = metrics.at_threshold(labels, probabilities, chosen)
    above = metrics.at_threshold(labels, probabilities, chosen + 0.011)
    assert figures["sensitivity"] >= 0.95 > above["sensitivity"]
    youden = choose_threshold("youden", labels, probabilities)
    best = max(
        sum(metrics.at_threshold(labels, probabilities, t)[key] for key in ("sensitivity", "specificity"))
        for t in np.unique(probabilities)
    )
    at_youden = metrics.at_threshold(labels, probabilities, youden)
    assert at_youden["sensitivity"] + at_youden["specificity"] == pytest.approx(best)


def test_a_sensitivity_that_is_just_reached_is_reached() -> None:
    labels, probabilities = np.repeat([0, 1], [5, 10]), np.concatenate([np.zeros(5), np.arange(1, 11) / 16])
    assert choose_threshold("sensitivity:0.9", labels, probabilities) == 2 / 16
