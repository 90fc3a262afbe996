"""What several trainings of each configuration tell of it: the analysis of Obuchowski and Rockette, seeds as readers.

Radiology compares modalities by several readers who read the same patients, and asks what other readers and other
patients would give (Obuchowski and Rockette 1995). Here a configuration is a modality and a training is a reader, who
reads for one modality alone: seed 0 of one network and seed 0 of another have nothing in common. So readers are nested
in modalities (Hillis 2014, table VII a). With n trainings of a configuration, MS the variance of its trainings' values,
Cov2 the covariance of two of its trainings by the drawing of patients, and Cov3 that of trainings of two
configurations, a difference of two has the variance

    MS_1 / n_1 + MS_2 / n_2 + max(Cov2_1 + Cov2_2 - 2 Cov3, 0)

and Hillis' degrees of freedom (2007): its square divided by the sum of (MS_i / n_i)^2 / (n_i - 1).
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

Values = NDArray[np.float64]

# Means of the same numbers in another order differ in their last digits; that is no difference.
DIGITS = 12
# A variance that rounding leaves of none: of shares of images no error is as small as 1e-8.
NOTHING = 1e-16
# Variances count as equal until a test at this level denies it. A preliminary test is to miss few unequal ones, so it
# has a far higher level than 5% (Bancroft 1964 on pooling); what that gives is in docs/results/statistics.md.
POOLING_LEVEL = 0.25
# Levels at which every test lets them count as equal, and none.
ALWAYS, NEVER = -1.0, 1.0


@dataclass(frozen=True)
class Contrast:
    """A sum of weighted configurations, such as a difference of two, and what is known of it.

    `variance`: of the value, over patients, and over trainings as well where `covers_trainings`. `degrees`: of freedom
    of that variance, infinite where it is of patients alone, whose number makes it as good as known.
    """

    value: float
    variance: float
    degrees: float
    covers_trainings: bool

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.variance)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The interval that holds the truth in this share of studies."""
        if not self.variance:
            return self.value, self.value
        margin = _quantile((1 - level) / 2, self.degrees) * self.standard_error
        return self.value - margin, self.value + margin

    def p(self) -> float:
        """Two-sided p that the truth is 0: at most 5% exactly where the 95% interval leaves out 0."""
        return min(1.0, 2 * self._tail(abs(self.value)))

    def p_beyond(self, margin: float) -> float:
        """p that the truth is `margin` or more away from 0, the larger of two one-sided tests (Schuirmann 1987)."""
        return self._tail(margin - abs(self.value))

    def _tail(self, distance: float) -> float:
        """The chance to lie this far or farther off, to one side."""
        if not self.variance:
            return float(distance <= 0)
        return _beyond(distance / self.standard_error, self.degrees)


@dataclass(frozen=True)
class Spread:
    """One metric of k configurations and how far it would lie elsewhere: on other patients, after other trainings.

    `values` `(k,)`: means over the trainings, of which each has `n` `(k,)`. `patients` `(k, k)`: covariance of these
    means by the drawing of patients. `between` `(k,)`: MS, the variance between a configuration's trainings on these
    patients. `apart` `(k,)`: Var - Cov2, what of MS the patients bring, since different trainings do not err on the
    same ones. Both NaN with one training. `share` `(k,)`: what each counts where variances are pooled, 1, or a part of
    it where the same trainings are there several times, evaluated otherwise. `pooling_level`: above which p of equal
    variances these are pooled.
    """

    values: Values
    n: NDArray[np.int64]
    patients: Values
    between: Values
    apart: Values
    share: Values
    pooling_level: float = POOLING_LEVEL

    @cached_property
    def _own_degrees(self) -> Values:
        """Of freedom of each configuration's own variance, as they count beside those of others `(k,)`."""
        return self.share * (self.n - 1)

    @cached_property
    def _is_several(self) -> NDArray[np.bool_]:
        return self.n > 1

    @cached_property
    def mean_squares(self) -> Values:
        """MS `(k,)`, no less than the patients alone bring: a variance between trainings is not negative."""
        return np.asarray(np.fmax(self.between, self.apart))

    @cached_property
    def varies(self) -> NDArray[np.bool_]:
        """Which configurations have a variance between trainings to share `(k,)`.

        One whose trainings reach the very same with the very same images, as one that calls everything by one name, has
        none.
        """
        return np.asarray(self._is_several & (self.mean_squares > NOTHING))

    @cached_property
    def p_equal(self) -> float:
        """p that their variances between trainings are one (Bartlett); 1 where fewer than two have any."""
        varies = self.varies
        return p_equal_variances(self.mean_squares[varies], self.n[varies].astype(np.float64) - 1, self.share[varies])

    @cached_property
    def is_pooled(self) -> NDArray[np.bool_]:
        """Which configurations share one variance between trainings `(k,)`: all that vary, or none.

        All, where nothing speaks against it.
        """
        return self.varies & (self.p_equal > self.pooling_level)

    def otherwise(self) -> "Spread":
        """The same with the variances pooled where they are not, and not pooled where they are."""
        return replace(self, pooling_level=NEVER if self.is_pooled.any() else ALWAYS)

    @cached_property
    def degrees(self) -> Values:
        """Of freedom of each configuration's variance between trainings `(k,)`: of all together where it is pooled."""
        return np.where(self.is_pooled, self._own_degrees[self.is_pooled].sum(), self.n - 1.0)

    @cached_property
    def of_training(self) -> Values:
        """The variance between trainings without what the patients bring to it `(k,)`; pooled where it may be."""
        own = self.mean_squares - self.apart
        if not self.is_pooled.any():
            return own
        shared = np.average((self.between - self.apart)[self.is_pooled], weights=self._own_degrees[self.is_pooled])
        return np.where(self.is_pooled, max(float(shared), 0.0), own)

    def contrast(self, weights: Values) -> Contrast:
        """The sum of the configurations, weighted `(k,)`. Where one of them has one training it covers patients alone.

        Nobody lends such a configuration the spread of others: that it has the same is not to be seen.
        """
        value = round(float(weights @ self.values), DIGITS)
        by_patients = float(weights @ self.patients @ weights)
        used = weights != 0
        if not self._is_several[used].all():
            return Contrast(value, _known(by_patients), math.inf, covers_trainings=False)
        shares = weights[used] ** 2 / self.n[used]
        apart, by_training = self.apart[used], self.of_training[used]
        # MS_i / n_i, and what is left of the patients' part: Cov2_1 + Cov2_2 - 2 Cov3 for a difference.
        terms = shares * (by_training + apart)
        common = max(by_patients - float(shares @ apart), 0.0)
        variance = _known(float(terms.sum()) + common)
        uncertainty = self._uncertainty(terms, used)
        degrees = variance**2 / uncertainty if uncertainty else math.inf
        return Contrast(value, variance, degrees, covers_trainings=True)

    def _uncertainty(self, terms: Values, used: NDArray[np.bool_]) -> float:
        """What Satterthwaite's formula divides by: terms of pooled configurations come from one estimate together."""
        degrees, pooled = self.degrees[used], self.is_pooled[used]
        alone = float((terms[~pooled] ** 2 / degrees[~pooled]).sum())
        return alone + (float(terms[pooled].sum() ** 2 / degrees[pooled][0]) if pooled.any() else 0.0)

    def difference(self, one: int, two: int) -> Contrast:
        """Configuration `two` less configuration `one`."""
        return self.contrast(self._difference(one, two))

    def single(self, one: int) -> Contrast:
        """Configuration `one` alone."""
        return self.contrast(np.eye(len(self.n))[one])

    def by_patients(self, one: int, two: int) -> float:
        """The variance of that difference by the drawing of patients, these trainings given."""
        weights = self._difference(one, two)
        return float(weights @ self.patients @ weights)

    def _difference(self, one: int, two: int) -> Values:
        weights = np.zeros(len(self.n))
        weights[two] += 1
        weights[one] -= 1
        return weights


# What scipy.stats says of Student's t, without its checks, which take a tenth of a millisecond: with 200 configurations
# there are 19,900 pairs.
def _beyond(distance: float, degrees: float) -> float:
    """The chance that Student's t, the normal distribution with infinite degrees of freedom, lies beyond."""
    return float(ndtr(-distance) if math.isinf(degrees) else stdtr(degrees, -distance))


def _quantile(chance: float, degrees: float) -> float:
    """The distance beyond which it lies with this chance."""
    return -float(ndtri(chance) if math.isinf(degrees) else stdtrit(degrees, chance))


def _known(variance: float) -> float:
    """A variance, without what rounding leaves of none."""
    return 0.0 if variance <= NOTHING else variance


def spread(values: list[Values], covariance: Values, share: Values | None = None) -> Spread:
    """The spread of configurations from their trainings' values, an array for each configuration.

    `covariance`: of all trainings by the drawing of patients, in the order of `values`. `share`: see Spread; 1 of each
    by default.
    """
    n = np.array([len(trainings) for trainings in values])
    owner = np.repeat(np.arange(len(n)), n)
    # Sums over a configuration's trainings: (k, trainings).
    of_configuration = (owner == np.arange(len(n))[:, None]).astype(np.float64)
    means = of_configuration / n[:, None]
    patients = means @ covariance @ means.T
    # The mean of all covariances within a configuration is (Var + (n - 1) Cov2) / n; Var - Cov2 follows.
    several = np.where(n > 1, n, np.nan)
    apart = np.maximum(means @ covariance.diagonal() - patients.diagonal(), 0) * several / (several - 1)
    between = np.array([trainings.var(ddof=1) if len(trainings) > 1 else np.nan for trainings in values])
    shares = np.ones(len(n)) if share is None else share
    return Spread(np.array([trainings.mean() for trainings in values]), n, patients, between, apart, shares)


def from_draws(values: list[Values], draws: list[Values], share: Values | None = None) -> Spread:
    """The same from bootstrap draws `(trainings, n_samples)` of each configuration, of the same patients for all.

    A draw that leaves a value undefined, as an AUROC without both classes is, counts for none.
    """
    together = np.concatenate(draws)
    return spread(values, np.atleast_2d(np.cov(together[:, np.isfinite(together).all(axis=0)])), share)


def p_equal_variances(variances: Values, degrees: Values, share: Values | None = None) -> float:
    """p that normal samples with these variances, none of them 0, and degrees of freedom have one (Bartlett 1937).

    `share`: what each sample counts, 1 by default.
    """
    share = np.ones(len(degrees)) if share is None else share
    k, counted = share.sum(), share * degrees
    if k < 2:
        return 1.0
    total = counted.sum()
    pooled = counted @ variances / total
    # Never below 0; of equal variances rounding leaves some processors a hair less, of which there is no p.
    statistic = max(total * np.log(pooled) - counted @ np.log(variances), 0.0)
    correction = 1 + (share @ (1 / degrees) - 1 / total) / (3 * (k - 1))
    return float(chdtrc(k - 1, statistic / correction))
