import pytest

from cxr.statistics import ranks
from cxr.statistics.comparison import measure, spread
from tests.cxr.statistics.classifiers_made import exact


def test_places_are_by_accuracy_over_patients_and_seeds() -> None:
    right = {"best": [0.95, 0.951], "wide": [0.6, 0.95], "worst": [0.5, 0.502], "same": [0.5, 0.502]}
    measured = [measure(name, [exact(share, 400) for share in shares], 500, 0) for name, shares in right.items()]
    best, wide, worst, same = ranks.by_accuracy(measured, 0)
    assert best.first > 0.6
    assert 0.01 < wide.first < 0.4
    assert worst.first + same.first < 0.2
    assert sum(one.first for one in (best, wide, worst, same)) == pytest.approx(1)
    assert (best.low, worst.high) == (1, 4)
    assert ranks.by_accuracy(measured, 0) == [best, wide, worst, same], "same seed, same result"
    twins = ranks.by_accuracy([measure("a", [exact(0.8, 100)], 100, 0), measure("b", [exact(0.8, 100)], 100, 0)], 0)
    assert [(one.first, one.low, one.high) for one in twins] == [(0.5, 1, 1), (0.5, 1, 1)]


@pytest.mark.parametrize(("one", "two"), [([0.80, 0.82], [0.85, 0.87]), ([0.80, 0.84], [0.85, 0.89])])
def test_of_two_the_worse_comes_first_as_often_as_p_says(one: list[float], two: list[float]) -> None:
    """Its one-sided p; where that is above 1 of 40, either takes both places in 95% of the draws."""
    pair = [measure(name, [exact(share, 400) for share in right], 4000, 0) for name, right in (("a", one), ("b", two))]
    p = spread(pair, "accuracy").difference(0, 1).p() / 2
    worse, better = ranks.by_accuracy(pair, 0)
    assert 0.02 < p < 0.2
    assert worse.first == pytest.approx(p, abs=0.02)
    assert (worse.low, worse.high) == (better.low, better.high) == (1, 2)


def test_places_do_not_depend_on_where_a_single_training_stands() -> None:
    right = {"a": [0.80, 0.86], "b": [0.78, 0.83], "c": [0.75, 0.80]}
    several = [measure(name, [exact(share, 400) for share in shares], 1000, 0) for name, shares in right.items()]
    once = measure("once", [exact(0.7, 400)], 1000, 0)
    assert spread(several, "accuracy").is_pooled.all()
    at_first, at_last = ranks.by_accuracy([once, *several], 0), ranks.by_accuracy([*several, once], 0)
    for one, other in zip(at_first, [at_last[-1], *at_last[:-1]], strict=True):
        assert one.first == pytest.approx(other.first, abs=0.05)
