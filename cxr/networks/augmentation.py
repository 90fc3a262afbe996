"""Change each training image a little, anew in every epoch: crop, flip, rotation, light, compression, noise.

All of it works on uint8 arrays in NumPy, on the way from the image array to the network, so that it is the same on
every backend. What happens to an image depends on the seed, the epoch and the image's row alone: neither the order of
the batches nor a training that was interrupted changes it.
"""

import io
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.networks.params import NEUTRAL, AugmentParams

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]
Draws = NDArray[np.float64]

# Uniform draws per image, one for each way in which it may change.
DRAWS = ("area", "aspect", "left", "top", "flip", "rotation", "brightness", "contrast", "gamma", "jpeg", "noise")


def is_neutral(params: AugmentParams) -> bool:
    """Whether images stay as they are."""
    return astuple(params) == astuple(NEUTRAL)  # type: ignore[call-overload]


def draw(n_rows: int, seed: int, epoch: int) -> Draws:
    """The draws of one epoch for every row of the image array: uniform in [0, 1), `(n_rows, len(DRAWS))`."""
    return np.random.default_rng([seed, epoch, len(DRAWS)]).random((n_rows, len(DRAWS)))


def augment(images: Images, draws: Draws, params: AugmentParams) -> Images:
    """`images` `(n, height, width)` changed as their `draws` `(n, len(DRAWS))` say; the same shape.

    Order: rotation, crop with flip, light (gamma, then contrast, then brightness), compression, noise.
    """
    u = dict(zip(DRAWS, draws.T, strict=True))
    if params.rotation:
        images = rotate(images, params.rotation * (2 * u["rotation"] - 1))
    if params.min_area < 1 or params.max_aspect > 1 or params.flip:
        images = crop(images, *boxes(u, params))
    if params.brightness or params.contrast or params.gamma:
        images = relight(
            images,
            gamma=np.exp(params.gamma * (2 * u["gamma"] - 1)),
            contrast=1 + params.contrast * (2 * u["contrast"] - 1),
            brightness=1 + params.brightness * (2 * u["brightness"] - 1),
        )
    if params.jpeg_quality < 100:
        images = recompress(images, np.floor(params.jpeg_quality + (101 - params.jpeg_quality) * u["jpeg"]))
    if params.noise:
        images = add_noise(images, params.noise, u["noise"])
    return images


def boxes(u: dict[str, Draws], params: AugmentParams) -> tuple[Draws, Draws]:
    """The crops' horizontal and vertical extents, each `(n, 2)`: start and length in shares of the image.

    As in Szegedy et al. (2015): area uniform, aspect uniform in its logarithm; a side is cut where it would be longer
    than the image. A negative length runs backwards: a flip.
    """
    area = params.min_area + (1 - params.min_area) * u["area"]  # (n,)
    # Width is to height as stretch^2 to 1: from 1 / max_aspect to max_aspect, either way as often.
    stretch = np.exp(np.log(params.max_aspect) * (u["aspect"] - 0.5))
    width, height = (np.minimum(np.sqrt(area) * factor, 1) for factor in (stretch, 1 / stretch))
    # Anywhere within the image, as often as anywhere else.
    left, top = (1 - width) * u["left"], (1 - height) * u["top"]
    is_flipped = params.flip & (u["flip"] < 0.5)
    return (
        np.stack([np.where(is_flipped, left + width, left), np.where(is_flipped, -width, width)], axis=1),
        np.stack([top, height], axis=1),
    )


def crop(images: Images, across: Draws, down: Draws) -> Images:
    """The boxes `across` and `down` (see `boxes`) of `images` `(n, height, width)`, resized to the images' own shape.

    Bilinear with anti-aliasing, by the same function that made the images what they are.
    """
    _, height, width = images.shape
    # Left, top, right, bottom in pixels, which need not be whole: (n, 4).
    ends = np.stack([across[:, 0], down[:, 0], across.sum(axis=1), down.sum(axis=1)], axis=1)
    corners = ends.clip(0, 1) * [width, height, width, height]
    cut = [_resized(image, tuple(box), (width, height)) for image, box in zip(images, corners.tolist(), strict=True)]
    return np.stack(cut)


def _resized(image: Images, box: tuple[float, float, float, float], size: tuple[int, int]) -> Images:
    left, top, right, bottom = box
    if left > right:
        return _resized(image, (right, top, left, bottom), size)[:, ::-1]
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box))


def rotate(images: Images, angles: Draws) -> Images:
    """`images` `(n, height, width)` turned by `angles` `(n,)` in degrees about their centres; black around."""
    turned = [
        np.asarray(Image.fromarray(image).rotate(angle, Image.Resampling.BILINEAR))
        for image, angle in zip(images, angles.tolist(), strict=True)
    ]
    return np.stack(turned)


def relight(images: Images, gamma: Draws, contrast: Draws, brightness: Draws) -> Images:
    """`images` `(n, height, width)` with other light; exponents and factors `(n,)`, 1 for no change.

    Grey v in [0, 1] becomes brightness * (mean + contrast * (v^gamma - mean)), the mean taken over the image after
    gamma. It depends on v alone, so each image gets a table of 256 values.
    """
    tables = np.linspace(0, 1, 256) ** gamma[:, None]  # (n, 256)
    counts = _histograms(images)  # (n, 256)
    # The mean over pixels is that over greys, each as often as it occurs: (n, 1).
    mean = (counts * tables).sum(axis=1, keepdims=True) / counts.sum(axis=1, keepdims=True)
    tables = brightness[:, None] * (mean + contrast[:, None] * (tables - mean))
    return np.stack([table[image] for table, image in zip(_grey(255 * tables), images, strict=True)])


def _histograms(images: Images) -> NDArray[np.int64]:
    """How often each grey occurs: `(n, 256)`."""
    return np.stack([np.bincount(image.ravel(), minlength=256) for image in images])


def recompress(images: Images, qualities: Draws) -> Images:
    """`images` stored as JPEG at `qualities` `(n,)`, 1 to 100, and read again."""
    return np.stack([_recompress(image, int(quality)) for image, quality in zip(images, qualities, strict=True)])


def _recompress(image: Images, quality: int) -> Images:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=quality)
    return np.asarray(Image.open(content))


def add_noise(images: Images, largest: float, draws: Draws) -> Images:
    """`images` with normal noise of standard deviation 0 to `largest` of the range of grey, as `draws` `(n,)` say."""
    noise = np.stack([_noise(image.shape, value) for image, value in zip(images, draws, strict=True)])
    return _grey(images + 255 * largest * draws[:, None, None].astype(np.float32) * noise)


def _noise(shape: tuple[int, ...], draw: float) -> Floats:
    """Standard normal noise; the draw itself is its seed, so that it goes with the image and the epoch."""
    return np.random.default_rng(int(draw * 2**53)).standard_normal(shape, np.float32)


def _grey(values: NDArray[np.floating]) -> Images:
    """Rounded to whole greys, what lies outside cut off."""
    return (np.clip(values, 0, 255) + 0.5).astype(np.uint8)
