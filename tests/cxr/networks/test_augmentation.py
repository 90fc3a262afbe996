import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cxr.networks import augmentation
from cxr.networks.augmentation import DRAWS, augment, draw
from cxr.networks.params import NEUTRAL, AugmentParams

ALL = AugmentParams(
    min_area=0.1,
    max_aspect=1.5,
    flip=True,
    rotation=15.0,
    brightness=0.3,
    contrast=0.3,
    gamma=0.3,
    jpeg_quality=40,
    noise=0.05,
)
ONE_AT_A_TIME = [replace(NEUTRAL, **{name: getattr(ALL, name)}) for name in vars(ALL)]
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 20, 24)).astype(np.uint8)
WHOLE = np.tile([0.0, 1.0], (6, 1))
MIRRORED = np.tile([1.0, -1.0], (6, 1))


def test_neutral_is_neutral() -> None:
    assert augmentation.is_neutral(NEUTRAL)
    np.testing.assert_array_equal(augment(IMAGES, draw(6, 0, 1), NEUTRAL), IMAGES)


@pytest.mark.parametrize("params", [ALL, *ONE_AT_A_TIME])
def test_an_image_depends_on_its_own_draws_alone_and_every_way_changes_some(params: AugmentParams) -> None:
    draws = draw(6, 3, 2)
    changed = augment(IMAGES, draws, params)
    assert changed.shape == IMAGES.shape
    assert changed.dtype == np.uint8
    assert (changed != IMAGES).any()
    order = np.array([4, 1, 5])
    np.testing.assert_array_equal(augment(IMAGES[order], draws[order], params), changed[order])


def test_draws_are_of_the_seed_and_the_epoch() -> None:
    np.testing.assert_array_equal(draw(50, 1, 2), draw(50, 1, 2))
    for other in (draw(50, 2, 2), draw(50, 1, 3)):
        assert not np.isin(other, draw(50, 1, 2)).any()
    many = draw(5000, 0, 1)
    assert ((many >= 0) & (many < 1)).all()
    assert np.abs(many.mean(axis=0) - 0.5).max() < 0.02


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), min_area=st.floats(0.02, 1), max_aspect=st.floats(1, 3))
def test_boxes_lie_within_the_image_and_keep_the_area_and_the_aspect(
    seed: int, min_area: float, max_aspect: float
) -> None:
    params = replace(NEUTRAL, min_area=min_area, max_aspect=max_aspect, flip=True)
    u = dict(zip(DRAWS, draw(40, seed, 1).T, strict=True))
    across, down = augmentation.boxes(u, params)
    for start, length in (across.T, down.T):
        assert (np.minimum(start, start + length) > -1e-9).all()
        assert (np.maximum(start, start + length) < 1 + 1e-9).all()
    width, height = np.abs(across[:, 1]), down[:, 1]
    is_free = (width < 1) & (height < 1)
    assert (width * height <= 1 + 1e-9).all()
    assert (width * height)[is_free].min(initial=1) >= min_area - 1e-9
    ratio = (width / height)[is_free]
    assert ((ratio <= max_aspect + 1e-9) & (ratio >= 1 / max_aspect - 1e-9)).all()


def test_a_crop_of_everything_is_the_image_and_a_flip_its_mirror() -> None:
    np.testing.assert_array_equal(augmentation.crop(IMAGES, WHOLE, WHOLE), IMAGES)
    np.testing.assert_array_equal(augmentation.crop(IMAGES, MIRRORED, WHOLE), IMAGES[:, :, ::-1])


def test_a_crop_shows_its_part_larger() -> None:
    image = np.zeros((1, 16, 16), np.uint8)
    image[:, :8, 8:] = 200
    corner = augmentation.crop(image, np.array([[0.5, 0.5]]), np.array([[0.0, 0.5]]))
    np.testing.assert_array_equal(corner[:, 1:-1, 1:-1], 200)


def test_light_is_what_its_formula_says() -> None:
    one = np.ones(6)
    np.testing.assert_array_equal(augmentation.relight(IMAGES, one, one, one), IMAGES)
    grey = IMAGES / 255
    expected = np.clip(0.8 * grey, 0, 1) * 255
    np.testing.assert_allclose(augmentation.relight(IMAGES, one, one, 0.8 * one), expected, atol=0.51)
    bent = grey**1.3
    mean = bent.mean(axis=(1, 2), keepdims=True)
    expected = np.clip(mean + 0.7 * (bent - mean), 0, 1) * 255
    np.testing.assert_allclose(augmentation.relight(IMAGES, 1.3 * one, 0.7 * one, one), expected, atol=0.51)


def test_no_turn_is_the_image_and_a_half_turn_both_flips() -> None:
    np.testing.assert_array_equal(augmentation.rotate(IMAGES, np.zeros(6)), IMAGES)
    np.testing.assert_array_equal(augmentation.rotate(IMAGES, np.full(6, 180.0)), IMAGES[:, ::-1, ::-1])


def test_compression_is_a_jpegs() -> None:
    content = io.BytesIO()
    Image.fromarray(IMAGES[0]).save(content, "JPEG", quality=30)
    np.testing.assert_array_equal(
        augmentation.recompress(IMAGES[:1], np.array([30.0])), np.asarray(Image.open(content))[None]
    )


def test_noise_has_the_deviation_it_is_told() -> None:
    grey = np.full((2, 100, 100), 128, np.uint8)
    noisy = augmentation.add_noise(grey, 0.1, np.array([0.5, 0.9])).astype(float)
    assert noisy.std(axis=(1, 2)) == pytest.approx([255 * 0.05, 255 * 0.09], rel=0.05)
    assert noisy.mean() == pytest.approx(128, abs=0.5)


@pytest.mark.parametrize("min_area", [0.08, 0.9, 1.0])
def test_a_crop_keeps_the_smallest_area_less_what_its_aspect_cuts(min_area: float) -> None:
    params = replace(NEUTRAL, min_area=min_area, max_aspect=1.33)
    across, down = augmentation.boxes(dict(zip(DRAWS, draw(20_000, 0, 1).T, strict=True)), params)
    least = (across[:, 1] * down[:, 1]).min()
    bound = min(min_area, np.sqrt(min_area / 1.33))
    assert bound <= least < bound + 0.01


@pytest.mark.parametrize(("u", "sign", "quality"), [(0.0, -1, 40), (0.5, 0, 70), (1 - 1e-12, 1, 100)])
def test_each_draw_goes_from_one_end_of_its_range_to_the_other(u: float, sign: int, quality: int) -> None:
    one = np.ones(6)
    expected = {
        "rotation": augmentation.rotate(IMAGES, 15.0 * sign * one),
        "brightness": augmentation.relight(IMAGES, one, one, (1 + 0.3 * sign) * one),
        "contrast": augmentation.relight(IMAGES, one, (1 + 0.3 * sign) * one, one),
        "gamma": augmentation.relight(IMAGES, np.exp(0.3 * sign) * one, one, one),
        "jpeg_quality": augmentation.recompress(IMAGES, quality * one),
        "flip": IMAGES[:, :, ::-1] if u < 0.5 else IMAGES,
    }
    for name, changed in expected.items():
        draws = np.full((6, len(DRAWS)), 0.75)
        draws[:, DRAWS.index(name.removesuffix("_quality"))] = u
        found = augment(IMAGES, draws, replace(NEUTRAL, **{name: getattr(ALL, name)}))
        assert np.abs(found.astype(int) - changed).max() <= 1, name


def test_a_crop_may_lie_in_any_corner() -> None:
    params = replace(NEUTRAL, min_area=0.25)
    for left, top in ((0, 0), (0, 1), (1, 0), (1, 1)):
        u = dict.fromkeys(DRAWS, np.zeros(1)) | {"left": np.array([left]), "top": np.array([top])}
        [across], [down] = augmentation.boxes(u | {"aspect": np.array([0.5])}, params)
        assert (across.tolist(), down.tolist()) == ([left / 2, 0.5], [top / 2, 0.5])
