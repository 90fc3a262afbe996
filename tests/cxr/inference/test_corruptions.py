import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.inference.corruptions import CORRUPTIONS, N_STRENGTHS, corrupt

RAMP = np.tile(np.linspace(20, 220, 64).astype(np.uint8), (64, 1))


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(sorted(CORRUPTIONS)), strength=st.integers(1, N_STRENGTHS), seed=st.integers(0, 99))
def test_a_corruption_keeps_the_shape_and_is_the_same_for_the_same_seed(name: str, strength: int, seed: int) -> None:
    first = corrupt(RAMP, name, strength, seed)
    assert first.shape == RAMP.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, corrupt(RAMP, name, strength, seed))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_strengths_go_further_and_further_from_the_image(name: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    distances = [np.abs(corrupt(image, name, k, 0).astype(int) - image).mean() for k in range(1, N_STRENGTHS + 1)]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_light_is_known_exactly() -> None:
    flat = np.full((8, 8), 100, np.uint8)
    assert corrupt(flat, "brightness_down", 5, 0)[0, 0] == 50
    assert corrupt(flat, "contrast_down", 5, 0)[0, 0] == 100
    assert corrupt(flat, "gamma_corr_up", 5, 0)[0, 0] == int(255.999 * (100 / 255) ** 1.6)
    np.testing.assert_array_equal(corrupt(flat, "gaussian_blur", 3, 0), flat)
