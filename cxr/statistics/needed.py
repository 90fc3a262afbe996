"""How large a study would have to be to tell a difference: trainings of each configuration, and test images."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from cxr.statistics.trainings import Spread

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
