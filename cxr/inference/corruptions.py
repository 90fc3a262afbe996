"""The thirteen corruptions of MedMNIST-C for chest radiographs, to see how a network bears what it was not trained on.

Definition and strengths: Di Salvo, Doerrich, Ledig (2024), "MedMNIST-C", arXiv:2406.17536, for PneumoniaMNIST; written
anew here with NumPy, SciPy and Pillow. The strengths are meant for images of 224 pixels.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy.ndimage import correlate1d

Grey = NDArray[np.uint8]
Corruption = Callable[[Grey, float, np.random.Generator], Grey]

PIXELS = 224
N_STRENGTHS = 5


def pixelate(image: Grey, share: float, rng: np.random.Generator) -> Grey:
    """Resized to `share` of its size and back, each pixel a mean over a box."""
    height, width = image.shape
    small = Image.fromarray(image).resize((int(width * share), int(height * share)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX))


def jpeg(image: Grey, quality: float, rng: np.random.Generator) -> Grey:
    """Stored as JPEG at `quality` and read again."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=int(quality))
    return np.asarray(Image.open(content))


def gaussian_noise(image: Grey, deviation: float, rng: np.random.Generator) -> Grey:
    """Plus normal noise; `deviation` in shares of the range of grey."""
    return _grey(image / 255 + rng.normal(0, deviation, image.shape))


def speckle_noise(image: Grey, deviation: float, rng: np.random.Generator) -> Grey:
    """Times 1 plus normal noise."""
    return _grey(image / 255 * (1 + rng.normal(0, deviation, image.shape)))


def impulse_noise(image: Grey, share: float, rng: np.random.Generator) -> Grey:
    """`share` of the pixels black or white, as many of one as of the other on average."""
    is_hit, is_white = rng.random(image.shape) < share, rng.random(image.shape) < 0.5
    return np.where(is_hit, np.where(is_white, 255, 0), image).astype(np.uint8)


def shot_noise(image: Grey, photons: float, rng: np.random.Generator) -> Grey:
    """Counts of a Poisson process, `photons` on average where the image is white."""
    return _grey(rng.poisson(image / 255 * photons) / photons)


def gaussian_blur(image: Grey, pixels: float, rng: np.random.Generator) -> Grey:
    """Weighted mean under a bell of odd width `pixels`; its standard deviation .3 ((width - 1) / 2 - 1) + .8."""
    reach = (pixels - 1) / 2
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (0.3 * (reach - 1) + 0.8)) ** 2)
    blurred = image.astype(float)
    for axis in (0, 1):
        blurred = correlate1d(blurred, bell / bell.sum(), axis=axis, mode="mirror")
    return np.rint(blurred).astype(np.uint8)


def brightness(image: Grey, factor: float, rng: np.random.Generator) -> Grey:
    """All greys times `factor`."""
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(factor))


def contrast(image: Grey, factor: float, rng: np.random.Generator) -> Grey:
    """All differences from the mean grey times `factor`."""
    return np.asarray(ImageEnhance.Contrast(Image.fromarray(image)).enhance(factor))


def gamma(image: Grey, exponent: float, rng: np.random.Generator) -> Grey:
    """Each grey in [0, 1] to the power of `exponent`."""
    table = np.minimum(255.999 * np.linspace(0, 1, 256) ** exponent, 255).astype(np.uint8)
    return table[image]


# Name: the corruption and its five strengths.
CORRUPTIONS: dict[str, tuple[Corruption, tuple[float, ...]]] = {
    "pixelate": (pixelate, (0.8, 0.7, 0.6, 0.5, 0.4)),
    "jpeg_compression": (jpeg, (50, 30, 15, 10, 7)),
    "gaussian_noise": (gaussian_noise, (0.04, 0.05, 0.06, 0.07, 0.08)),
    "speckle_noise": (speckle_noise, (0.05, 0.07, 0.10, 0.15, 0.20)),
    "impulse_noise": (impulse_noise, (0.005, 0.01, 0.013, 0.017, 0.02)),
    "shot_noise": (shot_noise, (300, 200, 150, 100, 80)),
    "gaussian_blur": (gaussian_blur, (3, 5, 7, 9, 11)),
    "brightness_up": (brightness, (1.1, 1.2, 1.3, 1.4, 1.5)),
    "brightness_down": (brightness, (0.9, 0.8, 0.7, 0.6, 0.5)),
    "contrast_up": (contrast, (1.1, 1.2, 1.3, 1.4, 1.6)),
    "contrast_down": (contrast, (0.9, 0.8, 0.7, 0.6, 0.4)),
    "gamma_corr_up": (gamma, (1.1, 1.2, 1.3, 1.4, 1.6)),
    "gamma_corr_down": (gamma, (0.9, 0.8, 0.7, 0.6, 0.4)),
}


def corrupt(image: Grey, name: str, strength: int, seed: int) -> Grey:
    """`image` `(height, width)` under the corruption `name` at `strength` 1 to 5; equal for equal `seed`.

    Raises ValueError of another strength.
    """
    function, strengths = CORRUPTIONS[name]
    if not 1 <= strength <= N_STRENGTHS:
        raise ValueError(f"a strength is 1 to {N_STRENGTHS}, not {strength}")
    return function(image, strengths[strength - 1], np.random.default_rng([seed, strength, *name.encode()]))


def _grey(values: NDArray[np.float64]) -> Grey:
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)
