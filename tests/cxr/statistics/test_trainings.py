import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cxr.statistics import trainings
from cxr.statistics.trainings import Spread, spread
from tests.cxr.statistics.classifiers_made import nested

# Van Dyke et al. (1993): two modalities, five readers, 114 cases; areas under the ROC curve of the readers, their
# variance and covariances by jackknife, and what the Obuchowski-Rockette analysis with Hillis' degrees of freedom makes
# of them, as Chakraborty's RJafroc documents it ("Illustrations of the OR method", dataset02, Wilcoxon).
FIRST = np.array([0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066])
SECOND = np.array([0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169])
VAR, COV1, COV2, COV3 = 0.00080228827, 0.00034661371, 0.00034407483, 0.00023902837
# Of each modality alone: variance and covariance, then the published standard error, degrees of freedom and interval.
ALONE = [
    (FIRST, 0.00101410277, 0.00048396180, 0.033173597, 12.744648, (0.82522360, 0.96885048)),
    (SECOND, 0.00059047376, 0.00020418785, 0.021566368, 12.710190, (0.89413783, 0.98753689)),
]


def alike(n: int, variance: float, covariance: float) -> np.ndarray:
    """The covariance matrix of n readings with one variance and one covariance."""
    return np.full((n, n), covariance) + (variance - covariance) * np.eye(n)


def random(seed: int, sizes: list[int]) -> Spread:
    """Values and a covariance matrix as trainings have them: most of what patients bring is common to all."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(sum(sizes), 30)) * 0.005 + rng.normal(size=30) * 0.02 / math.sqrt(30)
    # Trainings that differ by more than patients bring, and by less.
    values = np.split(rng.normal(0.8, rng.choice([0.0005, 0.02]), sum(sizes)), np.cumsum(sizes)[:-1])
    return spread(values, factors @ factors.T / 30)


def test_the_published_example_of_a_difference() -> None:
    """Its readers read for both modalities: their differences are the trainings of one configuration."""
    differences = FIRST - SECOND
    found = spread([differences], alike(5, 2 * (VAR - COV1), 2 * (COV2 - COV3))).single(0)
    assert found.value == pytest.approx(-0.043800322, rel=1e-6)
    assert found.standard_error == pytest.approx(0.020748618, rel=1e-6)
    assert found.degrees == pytest.approx(15.259675, rel=1e-6)
    assert (found.value / found.standard_error) ** 2 == pytest.approx(4.4563187, rel=1e-6), "F"
    assert found.p() == pytest.approx(0.051665686, rel=1e-6)
    assert found.interval() == pytest.approx((-0.087959499, 0.00035885444), rel=1e-4)


@pytest.mark.parametrize(("areas", "variance", "covariance", "error", "degrees", "interval"), ALONE)
def test_the_published_example_of_each_modality_alone(
    areas: np.ndarray,
    variance: float,
    covariance: float,
    error: float,
    degrees: float,
    interval: tuple[float, float],
) -> None:
    found = spread([areas], alike(5, variance, covariance)).single(0)
    assert found.standard_error == pytest.approx(error, rel=1e-6)
    assert found.degrees == pytest.approx(degrees, rel=1e-6)
    assert found.interval() == pytest.approx(interval, rel=1e-6)


@pytest.mark.parametrize("cov3", [COV3, 1.1 * COV2], ids=["as published", "more in common across than within"])
def test_nested_readers_as_hillis_has_them(cov3: float) -> None:
    """The same readings taken as of ten readers, five for each modality: Hillis 2014, table VII (a)."""
    t, r = 2, 5
    found = spread([FIRST, SECOND], nested([r, r], VAR, COV2, cov3))
    assert found.is_pooled.all()
    ms_readers = (FIRST.var(ddof=1) + SECOND.var(ddof=1)) / t
    ms_modalities = r * np.var([FIRST.mean(), SECOND.mean()], ddof=1)
    denominator = ms_readers + r * max(COV2 - cov3, 0)
    degrees = denominator**2 / (ms_readers**2 / (t * (r - 1)))
    p = stats.f.sf(ms_modalities / denominator, t - 1, degrees)
    assert found.difference(0, 1).degrees == pytest.approx(degrees)
    assert found.difference(0, 1).p() == pytest.approx(p)


def test_without_patients_it_is_the_t_test() -> None:
    """No variance by patients is left: Student's test where variances are pooled, Welch's where they are not."""
    alike_ones = [np.array([0.80, 0.82, 0.81]), np.array([0.84, 0.85, 0.87, 0.86])]
    unlike = [np.array([0.800, 0.801, 0.802]), np.array([0.84, 0.90, 0.80, 0.95])]
    for values, is_pooled in ((alike_ones, True), (unlike, False)):
        found = spread(values, np.zeros((7, 7)))
        assert found.is_pooled.tolist() == [is_pooled] * 2
        expected = stats.ttest_ind(values[1], values[0], equal_var=is_pooled)
        difference = found.difference(0, 1)
        assert difference.p() == pytest.approx(expected.pvalue)
        assert difference.degrees == pytest.approx(expected.df)
        assert difference.interval() == pytest.approx(tuple(expected.confidence_interval()))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(2, 6), min_size=2, max_size=5))
def test_without_a_spread_of_trainings_it_is_the_test_of_patients_alone(seed: int, sizes: list[int]) -> None:
    """Trainings with equal predictions: one of each would give the same difference and the same interval."""
    one = random(seed, [1] * len(sizes))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    found = spread(
        [np.full(n, value) for n, value in zip(sizes, one.values, strict=True)], one.patients[owner][:, owner]
    )
    patients, both = one.difference(0, 1), found.difference(0, 1)
    assert both.covers_trainings
    assert not patients.covers_trainings
    assert both.p() == pytest.approx(patients.p(), rel=1e-6)
    assert both.interval() == pytest.approx(patients.interval(), rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5))
def test_turning_a_pair_turns_the_sign_and_trainings_only_add(seed: int, sizes: list[int]) -> None:
    found = random(seed, sizes)
    there, back = found.difference(0, 1), found.difference(1, 0)
    assert there.value == -back.value
    assert there.p() == back.p()
    assert there.interval() == pytest.approx(tuple(-end for end in reversed(back.interval())))
    assert there.variance >= found.by_patients(0, 1) - 1e-12
    assert there.covers_trainings == (min(sizes[:2]) > 1)
    assert (there.p() <= 0.05) == (there.interval()[0] * there.interval()[1] >= 0)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_the_order_of_trainings_and_of_the_other_configurations_does_not_matter(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(sum(sizes), 40)) * 0.003
    values = rng.normal(0.8, 0.02, sum(sizes))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    # Configurations in another order, and trainings in another order within them.
    places = rng.permutation(len(sizes))
    order = np.concatenate([rng.permutation(np.flatnonzero(owner == place)) for place in places])
    one = spread(np.split(values, np.cumsum(sizes)[:-1]), factors @ factors.T)
    cuts = np.cumsum([sizes[place] for place in places])[:-1]
    two = spread(np.split(values[order], cuts), factors[order] @ factors[order].T)
    first, second = (int(np.flatnonzero(places == place)[0]) for place in (0, 1))
    expected, found = one.difference(0, 1), two.difference(first, second)
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert found.p() == pytest.approx(expected.p())
    assert found.interval() == pytest.approx(expected.interval())


@pytest.mark.parametrize("sd", [0.0, 0.01, 0.04])
def test_more_seeds_narrow_the_interval_on_average(sd: float) -> None:
    rng = np.random.default_rng(0)

    def width(n: int) -> float:
        covariance = nested([n] * 4, 4e-4, 3.6e-4, 3.3e-4)
        root = np.linalg.cholesky(covariance)
        widths = []
        for _ in range(200):
            values = 0.8 + root @ rng.normal(size=4 * n) + sd * rng.normal(size=4 * n)
            low, high = spread(np.split(values, 4), covariance).difference(0, 1).interval()
            widths.append(high - low)
        return float(np.mean(widths))

    widths = [width(n) for n in (2, 3, 5, 10)]
    assert widths == sorted(widths, reverse=True)


def test_pooling_needs_variances_that_may_be_one() -> None:
    even = [np.array([0.80, 0.82]), np.array([0.81, 0.84]), np.array([0.75, 0.77])]
    uneven = [np.array([0.800, 0.8001, 0.7999]), np.array([0.6, 0.9, 0.75]), np.array([0.75, 0.76, 0.74])]
    assert spread(even, np.zeros((6, 6))).is_pooled.all()
    assert list(spread(even, np.zeros((6, 6))).degrees) == [3, 3, 3]
    assert not spread(uneven, np.zeros((9, 9))).is_pooled.any()
    assert list(spread(uneven, np.zeros((9, 9))).degrees) == [2, 2, 2]
    doubtful = [np.array([0.80, 0.81, 0.82]), np.array([0.80, 0.83, 0.86])]
    p = trainings.p_equal_variances(np.array([1e-4, 9e-4]), np.array([2.0, 2.0]))
    assert 0.15 < p < trainings.POOLING_LEVEL
    assert not spread(doubtful, np.zeros((6, 6))).is_pooled.any(), "no proof that they are unequal is asked for"


def test_otherwise_is_pooled_the_other_way() -> None:
    even = spread([np.array([0.80, 0.82]), np.array([0.81, 0.84]), np.array([0.75, 0.77])], np.zeros((6, 6)))
    assert not even.otherwise().is_pooled.any()
    assert even.otherwise().otherwise().is_pooled.all()
    assert even.otherwise().difference(0, 1).variance == pytest.approx((0.0002 + 0.00045) / 2)


def test_one_whose_trainings_are_all_alike_keeps_out_of_the_pool() -> None:
    vary = [np.array([0.80, 0.82]), np.array([0.81, 0.84]), np.array([0.75, 0.77])]
    beside = spread([*vary, np.array([0.3, 0.3])], np.zeros((8, 8)))
    alone = spread(vary, np.zeros((6, 6)))
    assert beside.is_pooled.tolist() == [True, True, True, False]
    assert beside.difference(0, 1) == alone.difference(0, 1)
    mixed = beside.difference(0, 3)
    assert mixed.variance == pytest.approx(beside.of_training[0] / 2)
    assert mixed.degrees == 3


def test_trainings_that_are_there_twice_count_once_in_the_pool() -> None:
    values = [np.array([0.80, 0.82]), np.array([0.81, 0.84]), np.array([0.75, 0.77])]
    once = spread(values, np.zeros((6, 6)))
    twice = spread([*values, *values], np.zeros((12, 12)), share=np.full(6, 0.5))
    assert 0.3 < once.p_equal < 0.95
    assert twice.p_equal == pytest.approx(once.p_equal)
    assert twice.is_pooled.all()
    for found in (twice.difference(0, 1), twice.difference(0, 4)):
        assert (found.variance, found.degrees) == pytest.approx(
            (once.difference(0, 1).variance, once.difference(0, 1).degrees)
        )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(2, 8), min_size=2, max_size=6))
def test_bartletts_test_is_scipys(seed: int, sizes: list[int]) -> None:
    samples = [np.random.default_rng([seed, i]).normal(size=n) for i, n in enumerate(sizes)]
    variances = np.array([sample.var(ddof=1) for sample in samples])
    found = trainings.p_equal_variances(variances, np.array(sizes) - 1.0)
    assert found == pytest.approx(stats.bartlett(*samples).pvalue)


@given(st.floats(1e-12, 1), st.integers(2, 40), st.integers(1, 9))
def test_equal_variances_are_equal_whatever_rounding_leaves_of_them(variance: float, k: int, degrees: int) -> None:
    found = trainings.p_equal_variances(np.full(k, variance), np.full(k, float(degrees)))
    assert found == pytest.approx(1, abs=1e-6)


def test_variances_of_nothing() -> None:
    assert trainings.p_equal_variances(np.array([]), np.array([])) == 1
    same = spread([np.array([0.8, 0.8]), np.array([0.8, 0.8]), np.array([0.9, 0.9])], np.zeros((6, 6)))
    assert (same.difference(0, 1).p(), same.difference(0, 2).p()) == (1, 0)
    assert same.difference(0, 1).interval() == (0, 0)
    assert (same.difference(0, 1).p_beyond(0.02), same.difference(0, 2).p_beyond(0.02)) == (0, 1)
    barely = spread([np.array([0.8, 0.80001]), np.array([0.8, 0.8])], np.zeros((4, 4)))
    assert barely.varies.tolist() == [True, False]
    assert 0 < barely.difference(0, 1).p() < 1


@given(st.floats(-9, 9), st.one_of(st.just(math.inf), st.floats(0.5, 500)))
def test_p_and_interval_are_those_of_scipys_t(distance: float, degrees: float) -> None:
    contrast = trainings.Contrast(distance, 1.0, degrees, covers_trainings=True)
    assert contrast.p() == pytest.approx(min(1.0, 2 * stats.t.sf(abs(distance), degrees)), rel=1e-12)
    assert contrast.interval() == pytest.approx(stats.t.interval(0.95, degrees, loc=distance), rel=1e-9)


def test_equality_is_two_one_sided_tests() -> None:
    """p is 5% or less exactly where the 90% interval lies within the margin."""
    for seed in range(100):
        contrast = random(seed, [3, 3]).difference(0, 1)
        low, high = contrast.interval(0.9)
        assert (contrast.p_beyond(0.04) <= 0.05) == (low >= -0.04 and high <= 0.04)


def test_undefined_draws_count_for_none() -> None:
    rng = np.random.default_rng(0)
    draws = [rng.normal(size=(2, 50)), rng.normal(size=(1, 50))]
    values = [np.array([0.8, 0.9]), np.array([0.7])]
    holed = [draws[0].copy(), draws[1]]
    holed[0][1, 7] = np.nan
    kept = [np.delete(of_one, 7, axis=1) for of_one in draws]
    np.testing.assert_allclose(
        trainings.from_draws(values, holed).patients, trainings.from_draws(values, kept).patients
    )
