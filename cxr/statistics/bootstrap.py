"""Resampling patient groups, many draws at once."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr.statistics.metrics import Values, Weights

INTERVAL = (2.5, 97.5)
# A block of weights is (256, n) float64: 2.4 MB for 1,172 images, which stays in a processor's cache. For more than
# 4,096 images it has fewer draws and no more numbers, so that the memory does not grow with the test part.
N_DRAWS_AT_ONCE = 256
MOST_AT_ONCE = N_DRAWS_AT_ONCE * 4096
# Numbers of 4 bytes that are kept from one classifier to the next: a report of 200 draws the same patients 200 times.
MOST_KEPT = 16_000_000

Counts = NDArray[np.int32]


def group_weights(groups: NDArray[Any], n_samples: int, seed: int) -> Iterator[Weights]:
    """How often each image is drawn when its groups `(n,)` are drawn with replacement: blocks of `(draws, n)`.

    A group comes with all its images or not at all, as patients do (cluster bootstrap, Field and Welsh 2007).
    """
    names, group_of_image = np.unique(groups, return_inverse=True)
    drawn = _kept_draws if len(names) * n_samples <= MOST_KEPT else _draw_groups
    n_at_once = max(1, min(N_DRAWS_AT_ONCE, MOST_AT_ONCE // len(groups)))
    for times_drawn in drawn(len(names), n_samples, seed, n_at_once):
        # An image counts as often as its group: (draws, groups) -> (draws, n).
        yield times_drawn[:, group_of_image].astype(np.float64)


def _draw_groups(n_groups: int, n_samples: int, seed: int, n_at_once: int) -> Iterator[Counts]:
    """As many groups are drawn as there are: how often which, blocks of `(n_at_once, groups)`.

    The draws are the same for every `n_at_once`.
    """
    rng = np.random.default_rng(seed)
    evenly = np.full(n_groups, 1 / n_groups)
    for start in range(0, n_samples, n_at_once):
        yield rng.multinomial(n_groups, evenly, size=min(n_at_once, n_samples - start)).astype(np.int32)


@lru_cache(maxsize=1)
def _kept_draws(n_groups: int, n_samples: int, seed: int, n_at_once: int) -> Iterable[Counts]:
    return tuple(_draw_groups(n_groups, n_samples, seed, n_at_once))


def draws(
    measure: Callable[[Weights], dict[str, Values]], groups: NDArray[Any], n_samples: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """`(n_samples,)` bootstrap values of each metric that `measure` makes of weights `(draws, n)`.

    Equal groups, n_samples and seed draw the same patients, whatever is measured: that is what pairs two classifiers.
    """
    blocks = [measure(weights) for weights in group_weights(groups, n_samples, seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The 95% percentile interval of bootstrap values `(n_samples,)`, undefined draws left out."""
    low, high = np.nanpercentile(values, INTERVAL)
    return float(low), float(high)
