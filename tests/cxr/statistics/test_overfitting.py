import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr.statistics.overfitting import overfitting

LOSSES = arrays(np.float64, st.integers(1, 40), elements=st.integers(0, 640).map(lambda n: n / 64))


def test_a_curve_that_turns() -> None:
    val_loss = np.array([0.9, 0.45, 0.4, 0.3, 0.4, 0.5, 0.6])
    loss = np.linspace(0.8, 0.2, 7)
    figures = overfitting(loss, val_loss)
    assert figures["best_epoch"] == 4
    assert figures["loss_gap"] == pytest.approx(0.4)
    assert figures["loss_gap_best"] == pytest.approx(0.3 - 0.5)
    assert figures["val_loss_rises_from"] == 4  # medians of three: .9 .45 .4 .4 .4 .5 .6
    assert figures["val_loss_rise"] == pytest.approx(0.2)


def test_one_lucky_epoch_is_no_turn() -> None:
    val_loss = np.array([0.9, 0.8, 0.1, 0.7, 0.6, 0.5, 0.4, 0.3])
    figures = overfitting(np.zeros(8), val_loss)
    assert figures["best_epoch"] == 3
    assert figures["val_loss_rises_from"] is None


def test_jitter_is_the_noise_about_a_smooth_course() -> None:
    epochs = np.arange(2000)
    noise = np.random.default_rng(0).normal(0, 0.05, len(epochs))
    assert overfitting(np.zeros(2000), 2 - epochs / 1000 + noise)["val_loss_jitter"] == pytest.approx(0.05, rel=0.1)
    assert overfitting(np.zeros(2000), 2 - epochs / 1000)["val_loss_jitter"] == pytest.approx(0, abs=1e-9)


@given(LOSSES)
def test_laws(val_loss: np.ndarray) -> None:
    figures = overfitting(np.zeros(len(val_loss)), val_loss)
    assert figures["val_loss_rise"] >= 0
    assert figures["loss_gap_best"] == val_loss.min() <= figures["loss_gap"]
    shifted = overfitting(np.ones(len(val_loss)), val_loss + 1)
    assert shifted["best_epoch"] == figures["best_epoch"]
    assert (figures["val_loss_jitter"] is None) == (len(val_loss) < 3)
