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


def test_noise_has_the_deviation_of_its_strength() -> None:
    flat = np.full((200, 200), 128, np.uint8)
    expected = {
        "gaussian_noise": 0.04 * 255,
        "speckle_noise": 0.05 * 128,
        "shot_noise": np.sqrt(128 / 255 * 300) / 300 * 255,
    }
    for name, deviation in expected.items():
        assert corrupt(flat, name, 1, 0).std() == pytest.approx(deviation, rel=0.05), name
    hit = corrupt(flat, "impulse_noise", 5, 0)
    assert [(hit == grey).mean() for grey in (0, 255)] == pytest.approx([0.01, 0.01], abs=0.003)


def test_a_blurred_point_is_a_bell() -> None:
    """Of width 3 its deviation is .8 of a pixel."""
    point = np.zeros((5, 5), np.uint8)
    point[2, 2] = 255
    beside = np.exp(-0.5 / 0.8**2)
    bell = np.array([beside, 1, beside]) / (1 + 2 * beside)
    np.testing.assert_allclose(corrupt(point, "gaussian_blur", 1, 0)[1:4, 1:4], 255 * np.outer(bell, bell), atol=0.51)


@pytest.mark.parametrize("strength", [-1, 0, N_STRENGTHS + 1])
def test_a_strength_beyond_the_five_is_refused(strength: int) -> None:
    with pytest.raises(ValueError, match="a strength is 1 to 5"):
        corrupt(RAMP, "jpeg_compression", strength, 0)
