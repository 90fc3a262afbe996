"""What a training curve says about over-fitting, in numbers."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

# Of white noise with variance 1, the second differences have this variance.
SECOND_DIFFERENCE_VARIANCE = 6


def overfitting(loss: NDArray[np.float64], val_loss: NDArray[np.float64]) -> dict[str, float | int | None]:
    """Over-fitting in the losses of epochs 1 to n, both `(n,)` in nats.

    loss_gap: val_loss - loss at the last epoch; best_epoch: where val_loss is lowest; loss_gap_best: the gap there.
    val_loss_rises_from: the epoch after the lowest median of three neighbouring values of val_loss, None where that is
    the last; val_loss_rise: how far that median rises until the end.
    val_loss_jitter: standard deviation of val_loss about a smooth course, from its second differences (Gasser,
    Sroka, Jennen-Steinmetz 1986); None for fewer than three epochs.
    """
    gaps = val_loss - loss
    best = int(np.argmin(val_loss))
    # The ends repeat themselves.
    smooth = median_filter(val_loss, size=3, mode="nearest")
    lowest = int(np.argmin(smooth))
    return {
        "loss_gap": float(gaps[-1]),
        "best_epoch": best + 1,
        "loss_gap_best": float(gaps[best]),
        "val_loss_rises_from": lowest + 2 if lowest < len(val_loss) - 1 else None,
        "val_loss_rise": float(smooth[-1] - smooth[lowest]),
        "val_loss_jitter": _jitter(val_loss),
    }


def _jitter(values: NDArray[np.float64]) -> float | None:
    if len(values) < 3:
        return None
    return float(np.sqrt(np.mean(np.diff(values, n=2) ** 2) / SECOND_DIFFERENCE_VARIANCE))
