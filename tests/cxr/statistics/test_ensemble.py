from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from cxr.errors import UserError
from cxr.statistics.comparison import Classifier
from cxr.statistics.ensemble import ensemble, mean_logit
from tests.cxr.statistics.classifiers_made import classifier

PROBABILITIES = st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(PROBABILITIES)
def test_the_mean_logit_lies_between_and_turns_with_the_classes(probabilities: list[float]) -> None:
    values = np.array(probabilities)
    together = mean_logit(values)
    assert values.min() - 1e-9 <= together <= values.max() + 1e-9
    assert mean_logit(1 - values) == pytest.approx(1 - together)
    odds = np.prod(values / (1 - values)) ** (1 / len(values))
    assert together == pytest.approx(odds / (1 + odds))


def test_logits_are_told_as_far_as_probabilities_are() -> None:
    """Those of stacks reach 36; float32 would end at 16."""
    assert mean_logit(expit(np.array([30.0, -26.0]))) == pytest.approx(expit(2.0), rel=1e-2)


def test_sure_networks_do_not_silence_the_others() -> None:
    assert 0.5 < mean_logit(np.array([1.0, 0.0, 0.9])) < 0.9
    assert np.isfinite(mean_logit(np.array([[1.0], [1.0]]))).all()


def test_a_network_with_itself_is_itself_and_rows_may_be_in_any_order() -> None:
    one = classifier("a", 0.8, 0)
    shuffled = Classifier("b", one.predictions.sample(frac=1, random_state=0), one.threshold)
    together = ensemble("both", [one, shuffled])
    assert together.threshold == pytest.approx(0.5)
    assert together.predictions["path"].tolist() == one.predictions["path"].tolist()
    np.testing.assert_allclose(together.predictions["probability"], one.predictions["probability"], atol=1e-6)


def test_other_images_are_refused() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.8, 1, n=200)
    with pytest.raises(UserError, match="a and b were tested on different images"):
        ensemble("both", [one, two])


def test_its_threshold_is_the_mean_of_theirs_in_logits() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.9, 1)
    assert ensemble("both", [one, replace(two, threshold=0.9)]).threshold == pytest.approx(0.75)
    means = mean_logit(np.stack([one.predictions["probability"], two.predictions["probability"]]))
    np.testing.assert_allclose(ensemble("both", [one, two]).predictions["probability"], means)
