import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import studentized_range, ttest_ind

from cxr.errors import UserError
from cxr.statistics import comparison
from cxr.statistics.comparison import SIGNIFICANCE, Classifier, Verdict, compare, measure, simultaneous
from tests.cxr.statistics.classifiers_made import classifier, compared, exact


def test_a_classifier_does_not_differ_from_itself() -> None:
    one = classifier("a", 0.8, 0)
    found = compared([one], [one], 200, 0)
    for difference in (found.accuracy, found.auroc):
        assert (difference.estimate.value, difference.estimate.low, difference.estimate.high) == (0, 0, 0)
        assert difference.p == 1
        assert math.isnan(difference.n_images_needed)
    assert found.verdict is Verdict.UNTOLD


def test_the_order_of_the_seeds_is_no_difference() -> None:
    seeds = [classifier("a", 0.8, seed) for seed in range(3)]
    assert compared(seeds, seeds[::-1], 200, 0).accuracy.p == 1


def test_turning_the_pair_turns_the_signs() -> None:
    one, two = [classifier("a", 0.8, 0)], [classifier("b", 0.9, 1)]
    there, back = compared(one, two, 200, 0), compared(two, one, 200, 0)
    assert there.accuracy.estimate.value == pytest.approx(-back.accuracy.estimate.value)
    assert there.auroc.estimate.low == pytest.approx(-back.auroc.estimate.high)
    assert there.n_only_first_right == back.n_only_second_right
    assert there.accuracy.p == back.accuracy.p


def test_pairing_narrows_the_interval_of_classifiers_that_err_on_the_same_images() -> None:
    def width(shared: float) -> float:
        one, two = (
            classifier(name, right, i, shared=shared) for i, (name, right) in enumerate([("a", 0.8), ("b", 0.82)])
        )
        found = compared([one], [two], 400, 0).accuracy.estimate
        return found.high - found.low

    assert width(0.95) < 0.6 * width(0.0)


def test_the_order_of_the_rows_does_not_matter() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.9, 1)
    shuffled = Classifier("b", two.predictions.sample(frac=1, random_state=0), 0.5)
    assert compared([one], [shuffled], 100, 0).accuracy == compared([one], [two], 100, 0).accuracy


def test_different_test_images_are_refused() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.8, 1)
    other = Classifier("b", two.predictions.assign(path=lambda t: "x" + t["path"]), 0.5)
    with pytest.raises(UserError, match="a and b were tested on different images"):
        compared([one], [other], 100, 0)
    with pytest.raises(UserError, match="a and b were tested on different images"):
        measure("a", [one, other], 100, 0)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_interval_p_verdict_and_counts_say_the_same(data: st.DataObject) -> None:
    """Random families of configurations with one to three seeds, on few images so that ties are frequent."""
    n_images = data.draw(st.sampled_from([20, 60, 150]))
    configurations = []
    for name in "abcd"[: data.draw(st.integers(2, 4))]:
        right = data.draw(st.floats(0.55, 0.99))
        seeds = range(data.draw(st.integers(1, 3)))
        trainings = [classifier(name, right, 10 * ord(name) + seed, n_images, shared=0.5) for seed in seeds]
        configurations.append(measure(name, trainings, 200, 0))
    for (one, two), found in zip(combinations(configurations, 2), compare(configurations), strict=True):
        for difference in (found.accuracy, found.auroc):
            assert difference.is_told == (not difference.estimate.low <= 0 <= difference.estimate.high)
            assert difference.is_told == (difference.p <= SIGNIFICANCE)
        assert (found.verdict is not Verdict.UNTOLD) == found.accuracy.is_told
        difference = two.estimates["accuracy"].value - one.estimates["accuracy"].value
        assert found.accuracy.estimate.value == pytest.approx(difference, abs=1e-9)
        more = found.n_only_second_right - found.n_only_first_right
        assert more / n_images == pytest.approx(difference, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([100, 119, 139, 200, 1999, 2000]))
def test_interval_and_p_agree_at_the_edge(seed: int, n_samples: int) -> None:
    """Differences in steps, as shares of few images are: many draws are exactly as far off as the estimate is."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-6, 7, 5) / 50
    draws = values[:, None] + rng.integers(-3, 4, (5, n_samples)) / 50
    for difference in simultaneous(values, draws, 50):
        assert difference.is_told == (difference.p <= SIGNIFICANCE)


def test_only_first_and_only_second_right_are_means_over_the_pairings_of_seeds() -> None:
    ones, twos = ([classifier(name, 0.8, seed) for seed in seeds] for name, seeds in (("a", [0, 1]), ("b", [2, 3, 4])))
    right = [
        [np.asarray((one.predictions["probability"] >= 0.5) == one.predictions["label"]) for one in trainings]
        for trainings in (ones, twos)
    ]
    only_first = np.mean([(one & ~two).sum() for one in right[0] for two in right[1]])
    assert compared(ones, twos, 100, 0).n_only_first_right == pytest.approx(only_first)


def test_one_basis_where_the_first_seeds_say_the_opposite() -> None:
    """As rate-3 and layers-2 do: the first seed of one is better, the mean of its seeds is worse."""
    ones = [exact(0.9, 200), exact(0.6, 200)]
    twos = [exact(0.8, 200), exact(0.8, 200)]
    found = compared(ones, twos, 200, 0)
    assert found.accuracy.estimate.value == pytest.approx(0.05)
    assert found.n_only_second_right - found.n_only_first_right == pytest.approx(0.05 * 200)


def test_intervals_are_those_of_tukey_where_his_assumptions_hold() -> None:
    """Means of independent groups with normal errors: all differences of eight at once (Tukey 1953)."""
    rng = np.random.default_rng(0)
    n_groups, n_samples = 8, 20_000
    errors = rng.normal(size=(n_groups, n_samples))
    pairs = list(combinations(range(n_groups), 2))
    draws = np.array([errors[two] - errors[one] for one, two in pairs])
    found = simultaneous(np.zeros(len(pairs)), draws, 100)
    half_width = studentized_range.isf(0.05, n_groups, np.inf)
    assert np.mean([difference.estimate.high for difference in found]) == pytest.approx(half_width, rel=0.02)
    alone = simultaneous(np.zeros(1), draws[:1], 100)[0].estimate.high
    assert alone == pytest.approx(1.96 * math.sqrt(2), rel=0.02), "a pair alone has a plain 95% interval"


@pytest.mark.slow
def test_among_equal_classifiers_a_difference_is_told_in_5_of_100_families() -> None:
    n_families, told = 200, 0
    for family in range(n_families):
        equal = [classifier(str(i), 0.8, 10 * family + i, n=200, shared=0.6) for i in range(5)]
        found = compare([measure(one.name, [one], 200, family) for one in equal])
        told += any(pair.accuracy.is_told for pair in found)
    # Three standard errors of 200 families.
    assert 0.004 < told / n_families < 0.096


@pytest.mark.slow
def test_with_the_images_needed_a_difference_is_told_in_four_of_five() -> None:
    def told(n: int, seed: int) -> bool:
        pair = [classifier(name, right, 2 * seed + i, n) for i, (name, right) in enumerate([("a", 0.8), ("b", 0.86)])]
        return compared(pair[:1], pair[1:], 200, 0).accuracy.is_told

    ones, twos = ([classifier(name, right, seed, 4000)] for name, right, seed in (("a", 0.8, 7), ("b", 0.86, 8)))
    found = compared(ones, twos, 400, 0).accuracy
    true_size = found.n_images_needed * (found.estimate.value / 0.06) ** 2
    share = np.mean([told(2 * round(true_size / 2), 100 + seed) for seed in range(150)])
    assert 0.68 < share < 0.92


def test_what_other_trainings_would_give_is_asked_of_the_seeds() -> None:
    right = {"a": [0.7, 0.75, 0.8], "b": [0.8, 0.85], "c": [0.9], "d": [0.7, 0.7], "e": [0.8, 0.8]}
    seeds = {name: [exact(share, 200) for share in shares] for name, shares in right.items()}

    def p(one: str, two: str) -> float:
        return compared(seeds[one], seeds[two], 50, 0).p_seeds

    assert p("a", "b") == p("b", "a") == pytest.approx(ttest_ind(right["a"], right["b"], equal_var=False).pvalue)
    assert np.isnan(p("a", "c"))
    assert (p("d", "e"), p("d", "d")) == (0, 1)


def test_real_is_what_images_and_seeds_both_tell() -> None:
    low, high, wide = ([exact(share, 400) for share in shares] for shares in ([0.7, 0.71], [0.9, 0.91], [0.6, 0.99]))
    assert compared(low, high, 200, 0).verdict is Verdict.REAL
    assert compared(low[:1], high, 200, 0).verdict is Verdict.OPEN, "a single seed"
    assert compared(low, wide, 200, 0).verdict is Verdict.OPEN, "seeds that disagree"
    assert compared(low[:1], [exact(0.702, 400)], 200, 0).verdict is Verdict.UNTOLD


def test_p_values_by_seeds_are_adjusted_over_those_that_are_known() -> None:
    right = {"a": [0.7, 0.71], "b": [0.9, 0.91], "c": [0.8, 0.815], "d": [0.75]}
    measured = [measure(name, [exact(share, 200) for share in shares], 50, 0) for name, shares in right.items()]
    found = dict(zip(combinations(right, 2), compare(measured), strict=True))
    known = {
        pair: ttest_ind(right[pair[0]], right[pair[1]], equal_var=False).pvalue for pair in found if "d" not in pair
    }
    assert [found[pair].p_seeds for pair in known] == pytest.approx(comparison.holm(list(known.values())), rel=1e-6)
    assert all(math.isnan(found[pair].p_seeds) for pair in found if pair not in known)


def test_seeds_are_averaged_and_their_spread_told() -> None:
    seeds = [classifier("a", 0.8, seed) for seed in range(3)]
    alone = [measure("a", [one], 200, 0).estimates for one in seeds]
    measured = measure("a", seeds, 200, 0)
    for name, together in measured.estimates.items():
        values = [estimates[name].value for estimates in alone]
        assert together.value == pytest.approx(np.mean(values))
        assert together.sd == pytest.approx(np.std(values, ddof=1))
        assert together.holds(together.value)
    width, widths = (one["accuracy"].high - one["accuracy"].low for one in (measured.estimates, alone[0]))
    assert width < widths, "errors of different seeds partly cancel"
    assert measured.n_seeds == 3
    assert np.isnan(alone[0]["accuracy"].sd)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_its_definition(p_values: list[float]) -> None:
    order = np.argsort(p_values, kind="stable")
    expected, largest = np.zeros(len(p_values)), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        expected[i] = largest
    np.testing.assert_allclose(comparison.holm(p_values), expected)


@pytest.mark.slow
def test_intervals_of_a_difference_cover_the_truth_about_95_times_in_100() -> None:
    """Two classifiers, right 80% and 86% of the time, whose errors go together; truth: 0.06."""
    n_trials, covered = 200, 0
    for trial in range(n_trials):
        rng = np.random.default_rng([9, trial])
        n = 300
        labels, luck = rng.integers(0, 2, n), rng.random(n)
        columns = {"path": [f"{i:04d}" for i in range(n)], "patient_group": np.arange(n) // 2, "label": labels}
        pair = []
        for name, accuracy in (("a", 0.80), ("b", 0.86)):
            own = np.where(rng.random(n) < 0.5, luck, rng.random(n))
            probability = np.where((own < accuracy) == (labels == 1), 0.9, 0.1)
            pair.append(Classifier(name, pd.DataFrame({**columns, "probability": probability}), 0.5))
        covered += compared(pair[:1], pair[1:], 300, trial).accuracy.estimate.holds(0.06)
    assert 0.89 <= covered / n_trials <= 0.99
