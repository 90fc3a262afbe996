import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.errors import UserError
from cxr.statistics import comparison, estimate, metrics, significance
from cxr.statistics.comparison import Classifier, compare, measure
from cxr.statistics.significance import SIGNIFICANCE, Verdict
from tests.cxr.statistics.classifiers_made import classifier, compared, exact


def test_a_classifier_does_not_differ_from_itself() -> None:
    one = classifier("a", 0.8, 0)
    found = compared([one], [one], 200, 0)
    for difference in (found.accuracy, found.auroc):
        assert (difference.estimate.value, difference.estimate.low, difference.estimate.high) == (0, 0, 0)
        assert difference.p == 1
        assert difference.needed is None
        assert difference.verdict is Verdict.UNTOLD


@pytest.mark.parametrize(("n", "expected"), [(4, Verdict.UNTOLD), (148, Verdict.UNTOLD), (149, Verdict.EQUAL)])
def test_on_few_patients_agreement_is_no_equality(n: int, expected: Verdict) -> None:
    """Of 149 patients one shows what 2 of 100 have, in 95 of 100 draws."""
    labels = np.arange(n) % 2
    images = {"path": np.arange(n).astype(str), "patient_group": np.arange(n).astype(str), "label": labels}
    perfect = [Classifier("perfect", pd.DataFrame({**images, "probability": labels * 1.0}), 0.5)] * 2
    configurations = [measure(name, perfect, 100, 0) for name in "ab"]
    [found] = compare(configurations, 0.02)
    assert found.accuracy.verdict is expected
    assert found.accuracy.needed is None


@pytest.mark.parametrize(("n", "expected"), [(4, Verdict.UNTOLD), (6, Verdict.TRAININGS), (300, Verdict.TRAININGS)])
def test_patients_who_all_speak_alike_tell_no_more_than_their_number(n: int, expected: Verdict) -> None:
    """One classifier right on all, the other on none: every draw says the same, and p was 0, of four patients too."""
    found = compared([exact(0, n)], [exact(1, n)], 100, 0)
    for difference in (found.accuracy, found.auroc):
        assert difference.estimate.value == 1
        assert difference.p == difference.p_adjusted == 2 / 2**n
        assert difference.verdict is expected
        assert difference.needed is None


def test_one_alone_has_no_pair() -> None:
    assert compare([measure("a", [exact(0.8, 40)], 100, 0)], 0.02) == []


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
    assert compared([one], [shuffled], 100, 0, 0.02).accuracy == compared([one], [two], 100, 0, 0.02).accuracy


def test_different_test_images_are_refused() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.8, 1)
    other = Classifier("b", two.predictions.assign(path=lambda t: "x" + t["path"]), 0.5)
    with pytest.raises(UserError, match="a and b were tested on different images"):
        compared([one], [other], 100, 0)
    with pytest.raises(UserError, match="a and b were tested on different images"):
        measure("a", [one, other], 100, 0)


@settings(max_examples=15, deadline=None)
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
    estimates = [one["accuracy"].value for one in comparison.estimates(configurations)]
    pairs = combinations(zip(configurations, estimates, strict=True), 2)
    for ((one, first), (two, second)), found in zip(pairs, compare(configurations, 0.05), strict=True):
        for difference in (found.accuracy, found.auroc):
            assert difference.estimate.holds(0) == (difference.p > SIGNIFICANCE)
            assert difference.p <= difference.p_adjusted
            assert difference.covers_trainings == (one.n_seeds > 1 and two.n_seeds > 1)
            assert (difference.verdict is Verdict.UNTOLD) >= (difference.needed is not None)
            if difference.verdict is Verdict.DIFFER:
                assert difference.covers_trainings
                assert not difference.estimate.holds(0)
            if difference.verdict is Verdict.EQUAL:
                assert difference.covers_trainings
                assert abs(difference.estimate.value) < 0.05
        assert found.accuracy.estimate.value == pytest.approx(second - first, abs=1e-9)
        more = found.n_only_second_right - found.n_only_first_right
        assert more / n_images == pytest.approx(second - first, abs=1e-9)


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


def test_among_equal_classifiers_a_difference_is_told_in_5_of_100_families() -> None:
    n_families, told = 100, 0
    for family in range(n_families):
        equal = [classifier(str(i), 0.8, 10 * family + i, n=200, shared=0.6) for i in range(5)]
        found = compare([measure(one.name, [one], 200, family) for one in equal], None)
        told += any(pair.accuracy.verdict is Verdict.TRAININGS for pair in found)
    # Three standard errors of 100 families.
    assert told / n_families < 0.05 + 0.065


SEEDS = {
    "low": [0.7, 0.71],
    "high": [0.9, 0.91],
    "wide": [0.6, 0.99],
    "near": [0.705, 0.7075],
    "once": [0.7],
}


@pytest.mark.parametrize(
    ("one", "two", "margin", "expected"),
    [
        ("low", "high", 0.02, Verdict.DIFFER),
        ("low", "wide", 0.02, Verdict.UNTOLD),
        ("low", "near", 0.05, Verdict.EQUAL),
        ("low", "near", 0.001, Verdict.UNTOLD),
        ("low", "near", None, Verdict.UNTOLD),
        ("once", "high", 0.02, Verdict.TRAININGS),
        ("once", "near", 0.05, Verdict.UNTOLD),
        ("low", "high", 0.5, Verdict.EQUAL),
    ],
    ids=["differ", "seeds disagree", "equal", "not so equal", "no margin", "a single seed", "equal once", "in between"],
)
def test_the_verdicts(one: str, two: str, margin: float | None, expected: Verdict) -> None:
    trainings = [[exact(share, 400) for share in SEEDS[name]] for name in (one, two)]
    assert compared(*trainings, 200, 0, margin).accuracy.verdict is expected


def test_more_seeds_on_one_side_than_on_the_other() -> None:
    ones, twos = [exact(share, 400) for share in (0.70, 0.71)], [exact(0.80 + i / 100, 400) for i in range(5)]
    found = compared(ones, twos, 200, 0).accuracy
    assert found.covers_trainings
    assert found.estimate.value == pytest.approx(0.115)
    assert found.verdict is Verdict.DIFFER


def test_p_values_are_adjusted_over_all_pairs_by_holm() -> None:
    configurations = [measure(name, [exact(share, 400) for share in right], 200, 0) for name, right in SEEDS.items()]
    found = [pair.accuracy for pair in compare(configurations, None)]
    assert [one.p_adjusted for one in found] == pytest.approx(significance.holm([one.p for one in found]))
    assert all(math.isnan(one.p_beyond) for one in found)
    together = comparison.spread(configurations, "accuracy")
    unseen = 0.95 ** configurations[0].n_patients
    alone = [max(together.difference(*pair).p_beyond(0.05), unseen) for pair in combinations(range(len(SEEDS)), 2)]
    adjusted = significance.holm(alone)
    assert adjusted != pytest.approx(alone)
    assert [pair.accuracy.p_beyond for pair in compare(configurations, 0.05)] == pytest.approx(adjusted)


def test_a_classifier_is_judged_at_its_threshold() -> None:
    one = classifier("a", 0.8, 0)
    halved = Classifier("a", one.predictions.assign(probability=lambda t: t["probability"] / 2), 0.25)
    expected, found = (measure("a", [either], 100, 0) for either in (one, halved))
    np.testing.assert_array_equal(found.is_right, expected.is_right)
    for name, [sampled] in found.sampled.items():
        assert sampled.value == expected.sampled[name][0].value
        np.testing.assert_array_equal(sampled.draws, expected.sampled[name][0].draws)


def test_seeds_are_averaged_and_their_spread_told() -> None:
    seeds = [classifier("a", 0.8, seed) for seed in range(3)]
    alone = [estimate.estimate([one]) for one in measure("a", seeds, 200, 0).sampled["accuracy"]]
    [found] = comparison.estimates([measure("a", seeds, 200, 0)])
    accuracy = found["accuracy"]
    values = [one.value for one in alone]
    assert accuracy.value == pytest.approx(np.mean(values))
    assert accuracy.sd == pytest.approx(np.std(values, ddof=1))
    assert accuracy.holds(accuracy.value)
    [single] = comparison.estimates([measure("a", seeds[:1], 200, 0)])
    assert single["accuracy"] == alone[0], "of a single training the interval of its patients"
    assert math.isnan(single["accuracy"].sd)


def test_an_interval_over_seeds_covers_more_than_that_of_the_patients() -> None:
    right = [0.75, 0.8, 0.85]
    seeds = [exact(share, 400) for share in right]
    [found] = comparison.estimates([measure("a", seeds, 400, 0)])
    patients = estimate.estimate(measure("a", seeds, 400, 0).sampled["accuracy"])
    assert found["accuracy"].high - found["accuracy"].low > 2 * (patients.high - patients.low)
    assert 0 <= found["specificity"].low <= found["specificity"].high <= 1
    [wrong] = comparison.estimates([measure("a", [exact(share, 400) for share in (0.2, 0.22)], 400, 0)])
    assert -1 < wrong["mcc"].low < wrong["mcc"].value < wrong["mcc"].high < 0, "it has a range of its own"


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_no_error_of_few_patients_is_an_interval_all_the_same(n_seeds: int) -> None:
    [found] = comparison.estimates([measure("a", [exact(1.0, 20)] * n_seeds, 200, 0)])
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx((0.8316, 1), abs=1e-4)
    assert (found["sensitivity"].low, found["sensitivity"].high) == pytest.approx((0.6915, 1), abs=1e-4)


def test_a_metric_is_cut_to_the_range_that_it_is_said_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    def likelihood_ratio(*arguments: Any) -> Any:
        return metrics.sensitivity(*arguments) / (1 - metrics.specificity(*arguments))

    monkeypatch.setitem(metrics.AT_THRESHOLD, "likelihood_ratio", likelihood_ratio)
    monkeypatch.setitem(metrics.COMPARED, "likelihood_ratio", (0.0, math.inf))
    seeds = [classifier("a", 0.85, seed) for seed in range(2)]
    [found] = comparison.estimates([measure("a", seeds, 200, 0)])
    ratio = found["likelihood_ratio"]
    assert 3 < ratio.value < 9
    assert 0 <= ratio.low < ratio.value < ratio.high


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
