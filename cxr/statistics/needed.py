"""How large a study would have to be to tell a difference: trainings of each configuration, and test images."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from cxr.statistics.significance import SIGNIFICANCE, Verdict
from cxr.statistics.trainings import Spread

# How often a study is to find what there is.
POWER = 0.8
# More trainings of one configuration are not advised.
MOST_TRAININGS = 200


@dataclass(frozen=True)
class Size:
    """Of a study: trainings of each configuration, and images of patients like these."""

    n_trainings: int
    n_images: int

    @property
    def cost(self) -> int:
        return self.n_trainings * self.n_images


@dataclass(frozen=True)
class Needed:
    """What would tell a difference of the size that is seen in 4 of 5 studies, and what they would find."""

    size: Size
    verdict: Verdict


def what_would_tell(
    together: Spread, pair: tuple[int, int], n_images: int, n_pairs: int, margin: float | None
) -> Needed | None:
    """The cheapest study that would tell this pair among `n_pairs`: apart, or equal within the margin.

    None where nothing in reach would, as where there is no difference and no margin.
    """
    value = abs(together.difference(*pair).value)
    # How far the value lies from what has to be excluded: 0, at two sides' share of the level; or both ends of the
    # margin, each with half of the risk to miss it.
    options = [(Verdict.DIFFER, value, SIGNIFICANCE / 2, POWER)]
    if margin is not None:
        options.append((Verdict.EQUAL, margin - value, SIGNIFICANCE, (1 + POWER) / 2))
    sizes = {
        verdict: size(together, *pair, n_images, distance, level / n_pairs, power)
        for verdict, distance, level, power in options
        if distance > 0
    }
    found = [Needed(size, verdict) for verdict, size in sizes.items() if size is not None]
    return min(found, key=lambda one: one.size.cost, default=None)


def size(
    together: Spread, one: int, two: int, n_images: int, distance: float, level: float, power: float
) -> Size | None:
    """The cheapest study that would find configuration `two` - `one` to lie `distance` from what is to be excluded.

    `level`: one-sided, of the test; `power`: how often it finds so. `n_images`: on which `together` was measured. None
    where MOST_TRAININGS are not enough whatever the images. With a single training each, the spread between trainings
    is unknown: then it is two of each, the fewest that tell, and the images that patients alone ask for.
    """
    difference = together.difference(one, two)
    if not difference.covers_trainings:
        allowed = (distance / (ndtri(power) - ndtri(level))) ** 2
        return Size(2, _images(n_images, difference.variance / allowed))
    pair = [one, two]
    apart, by_training = together.apart[pair].sum(), together.of_training[pair].sum()
    by_patients = together.by_patients(one, two) - (together.apart / together.n)[pair].sum()
    # For each number of trainings: the variances that they and these patients bring, and the variance that is allowed,
    # with n - 1 degrees of freedom of each configuration that shares in the variance between trainings.
    n = np.arange(max(together.n[pair].max(), 2), MOST_TRAININGS + 1)
    degrees = (together.share[together.is_pooled].sum() if together.is_pooled[pair].all() else 1) * (n - 1)
    allowed = (distance / (stdtrit(degrees, 1 - level) + ndtri(power))) ** 2
    of_trainings, of_patients = by_training / n, apart / n + max(by_patients, 0.0)
    # With more images the patients' part shrinks, that of the trainings does not.
    is_enough = of_trainings < allowed
    if not is_enough.any():
        return None
    n, times = n[is_enough], np.maximum(of_patients / (allowed - of_trainings), 1.0)[is_enough]
    best = int((n * times).argmin())
    return Size(int(n[best]), _images(n_images, float(times[best])))


def _images(n_images: int, times: float) -> int:
    """So many times the images, but no fewer than there are."""
    return int(np.ceil(n_images * max(times, 1.0)))
