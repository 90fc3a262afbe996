import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, ttest_ind

from cxr.errors import UserError
from cxr.statistics import comparison
from cxr.statistics.comparison import Classifier


def classifier(name: str, accuracy: float, seed: int, n: int = 400, shared: float = 0.0) -> Classifier:
    """Right with probability `accuracy`; a share of its errors follows the image, so that classifiers agree."""
    rng, of_images = np.random.default_rng([1, seed]), np.random.default_rng(0)
    labels, difficulty = of_images.integers(0, 2, n), of_images.random(n)
    luck = np.where(rng.random(n) < shared, difficulty, rng.random(n))
    sure = 0.5 + 0.5 * np.abs(luck - accuracy)
    right = luck < accuracy
    probability = np.where(right == (labels == 1), sure, 1 - sure)
    columns = {"path": [f"{i:04d}" for i in range(n)], "patient_group": np.arange(n) // 2, "label": labels}
    return Classifier(name, pd.DataFrame({**columns, "probability": probability}), 0.5)


def paired(one: Classifier, two: Classifier, n_samples: int, seed: int) -> dict[str, float]:
    return comparison.paired(*(comparison.measure(each.name, [each], n_samples, seed) for each in (one, two)))


def test_a_classifier_does_not_differ_from_itself() -> None:
    one = classifier("a", 0.8, 0)
    figures = paired(one, one, 200, 0)
    for name in ("accuracy", "auroc"):
        assert figures[f"{name}_difference"] == figures[f"{name}_difference_low"] == 0
        assert figures[f"{name}_difference_high"] == 0
    assert figures["p_mcnemar"] == 1
    assert np.isnan(figures["n_images_needed"])


def test_turning_the_pair_turns_the_signs() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.9, 1)
    there, back = paired(one, two, 200, 0), paired(two, one, 200, 0)
    assert there["accuracy_difference"] == pytest.approx(-back["accuracy_difference"])
    assert there["auroc_difference_low"] == pytest.approx(-back["auroc_difference_high"])
    assert there["n_only_first_right"] == back["n_only_second_right"]
    assert there["p_mcnemar"] == back["p_mcnemar"]


def test_pairing_narrows_the_interval_of_classifiers_that_err_on_the_same_images() -> None:
    def width(shared: float) -> float:
        pair = (classifier("a", 0.8, 0, shared=shared), classifier("b", 0.82, 1, shared=shared))
        figures = paired(*pair, 400, 0)
        return figures["accuracy_difference_high"] - figures["accuracy_difference_low"]

    assert width(0.95) < 0.6 * width(0.0)


def test_the_order_of_the_rows_does_not_matter() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.9, 1)
    shuffled = Classifier("b", two.predictions.sample(frac=1, random_state=0), 0.5)
    expected = paired(one, two, 100, 0)
    assert paired(one, shuffled, 100, 0) == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


def test_different_test_images_are_refused() -> None:
    one, two = classifier("a", 0.8, 0), classifier("b", 0.8, 1)
    other = Classifier("b", two.predictions.assign(path=lambda t: "x" + t["path"]), 0.5)
    with pytest.raises(UserError, match="a and b were tested on different images"):
        paired(one, other, 100, 0)


def test_what_other_trainings_would_give_is_asked_of_the_seeds() -> None:
    right = {"a": [0.7, 0.75, 0.8], "b": [0.8, 0.85], "c": [0.9], "d": [0.7, 0.7], "e": [0.8, 0.8]}
    n_images = 200
    measured = {
        name: comparison.measure(name, [exact(share, n_images) for share in shares], 50, 0)
        for name, shares in right.items()
    }

    def p(one: str, two: str) -> float:
        return comparison.paired(measured[one], measured[two])["p_seeds"]

    assert p("a", "b") == p("b", "a") == pytest.approx(ttest_ind(right["a"], right["b"], equal_var=False).pvalue)
    assert np.isnan(p("a", "c"))
    assert (p("d", "e"), p("d", "d")) == (0, 1)


def exact(share: float, n: int) -> Classifier:
    """A classifier that is right on exactly this share of n images of n patients."""
    labels = np.arange(n) % 2
    is_right = np.arange(n) < round(share * n)
    columns = {"path": [f"{i:03d}" for i in range(n)], "patient_group": [f"p{i}" for i in range(n)], "label": labels}
    return Classifier("exact", pd.DataFrame(columns).assign(probability=np.where(is_right, labels, 1 - labels)), 0.5)


def test_seeds_are_averaged_and_their_spread_told() -> None:
    seeds = [classifier("a", 0.8, seed) for seed in range(3)]
    alone = [comparison.measure("a", [each], 200, 0).figures for each in seeds]
    together = comparison.measure("a", seeds, 200, 0).figures
    for name in comparison.FIGURES:
        values = [figures[name] for figures in alone]
        assert together[name] == pytest.approx(np.mean(values))
        assert together[f"{name}_sd"] == pytest.approx(np.std(values, ddof=1))
        assert min(values) <= together[name] <= max(values)
        assert together[f"{name}_low"] <= together[name] <= together[f"{name}_high"]
    width, widths = (np.subtract(each["accuracy_high"], each["accuracy_low"]) for each in (together, alone[0]))
    assert width < widths, "errors of different seeds partly cancel"
    assert together["n_seeds"] == 3
    assert np.isnan(alone[0]["accuracy_sd"])


def test_the_bootstrap_is_scipys_on_groups() -> None:
    """Two images per group: the mean of group means is the accuracy, which scipy can resample."""
    one = classifier("a", 0.8, 0)
    table = one.predictions
    right = ((table["probability"] >= 0.5) == table["label"]).groupby(table["patient_group"]).mean().to_numpy()
    theirs = bootstrap((right,), np.mean, n_resamples=20_000, method="percentile", random_state=1).confidence_interval
    ours = comparison.measure("a", [one], 20_000, 0).figures
    assert ours["accuracy_low"] == pytest.approx(theirs.low, abs=0.002)
    assert ours["accuracy_high"] == pytest.approx(theirs.high, abs=0.002)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_binomial_test_of_the_discordant_images(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert comparison.mcnemar_exact(first, second) == pytest.approx(min(1.0, expected))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_its_definition(p_values: list[float]) -> None:
    order = np.argsort(p_values, kind="stable")
    expected, largest = np.zeros(len(p_values)), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        expected[i] = largest
    np.testing.assert_allclose(comparison.holm(p_values), expected)


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
        figures = paired(*pair, 300, trial)
        covered += figures["accuracy_difference_low"] <= 0.06 <= figures["accuracy_difference_high"]
    assert 0.89 <= covered / n_trials <= 0.99


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(0, 30))
def test_with_the_images_needed_the_test_has_its_power(first: int, extra: int) -> None:
    second = first + extra + 1
    n = comparison.n_images_needed(first, second, 400)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(int(n), [first / 400, second / 400, 1 - (first + second) / 400], size=300)
    rejected = [comparison.mcnemar_exact(a, b) < 0.05 for a, b, _ in draws]
    assert 0.6 < np.mean(rejected) < 0.92
