"""Tell pictures that are unlike those a network was trained on: their distance in the network's own features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from cxr.inference.explain import last_map
from cxr.networks.backend import keras
from cxr.statistics.audit import THUMBNAIL_PIXELS, block_means

Images = NDArray[np.uint8]
Floats = NDArray[np.float64]

BATCH_SIZE = 64
# The share of the validation part's images that each of the two limits calls unlike the training images.
FALSE_ALARMS = 0.005
# Of an image's greys: its mean, its standard deviation, and what a twentieth of the pixels is below and above.
N_EXPOSURE = 4
TAILS = (5, 95)


@dataclass(frozen=True)
class Cloud:
    """Where the training images lie among features `(k,)`: their `mean`, `whitening` `(k, k)`, and a `limit`.

    An image's distance is that of Mahalanobis, by the limit: above 1 it is unlike them (Lee et al. 2018).
    """

    mean: Floats
    whitening: Floats
    limit: float

    def distances(self, features: Floats) -> Floats:
        """Distances `(n,)` of features `(n, k)`, as multiples of the limit."""
        return np.asarray(np.linalg.norm((features - self.mean) @ self.whitening, axis=1)) / self.limit


@dataclass(frozen=True)
class Detector:
    """The training images by what the network sees of them and, apart, by their exposure, the last N_EXPOSURE features.

    Among hundreds of features the exposure's few would not count: an image half as bright would be like the others.
    """

    look: Cloud
    exposure: Cloud

    def distances(self, features: Floats) -> Floats:
        """The larger of both distances `(n,)` of features `(n, k)`; above 1 an image is unlike the training images."""
        look, exposure = features[:, :-N_EXPOSURE], features[:, -N_EXPOSURE:]
        return np.maximum(self.look.distances(look), self.exposure.distances(exposure))


def fit(train: Floats, val: Floats) -> Detector:
    """The detector of training features `(n, k)`; each limit is passed by one in 200 of validation's `(m, k)`."""
    return Detector(
        _fit(train[:, :-N_EXPOSURE], val[:, :-N_EXPOSURE]), _fit(train[:, -N_EXPOSURE:], val[:, -N_EXPOSURE:])
    )


def _fit(train: Floats, val: Floats) -> Cloud:
    """The covariance is shrunk (Ledoit and Wolf 2004), since features are many and depend on each other."""
    spread = train.std(axis=0)
    # A feature that never varies in training says nothing by its size; as it is, any change of it is far away.
    scale = np.where(spread > 0, spread, 1.0)
    estimate = LedoitWolf().fit(train / scale)
    values, vectors = np.linalg.eigh(estimate.covariance_)
    whitening = (vectors / np.sqrt(values.clip(min=1e-12))) / scale[:, None]
    unlimited = Cloud(train.mean(axis=0), whitening, 1.0)
    return Cloud(unlimited.mean, whitening, float(np.quantile(unlimited.distances(val), 1 - FALSE_ALARMS)))


def _blank(images: Images, rng: np.random.Generator) -> Images:
    return np.broadcast_to(rng.integers(0, 256, (len(images), 1, 1), dtype=np.uint8), images.shape)


def _photographs(images: Images, rng: np.random.Generator) -> Images:
    """Random pictures whose amplitudes fall as 1 / frequency, as those of photographs do (Field 1987), full range."""
    n, size, _ = images.shape
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = np.inf
    drawn = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(n, size, size))) / frequency, s=(size, size))
    low, high = drawn.min(axis=(1, 2), keepdims=True), drawn.max(axis=(1, 2), keepdims=True)
    return np.rint((drawn - low) * (255 / np.maximum(high - low, 1e-12))).astype(np.uint8)


# What is no frontal radiograph as they were trained on, made of test images `(n, size, size)` or of nothing.
FOREIGN: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "turned by 90 degrees": lambda images, rng: np.rot90(images, axes=(1, 2)),
    "upside down": lambda images, rng: images[:, ::-1],
    "inverted": lambda images, rng: 255 - images,
    "half as bright": lambda images, rng: images // 2,
    "twice as bright": lambda images, rng: np.minimum(images.astype(np.uint16) * 2, 255).astype(np.uint8),
    "noise": lambda images, rng: rng.integers(0, 256, images.shape, dtype=np.uint8),
    "blank": _blank,
    "photographs (synthetic)": _photographs,
}
N_FOREIGN = 256


def measure(detector: Detector, features: Callable[[Images], Floats], test: Images, seed: int) -> dict[str, Any]:
    """How often the detector warns: its share of false alarms among test images, of hits in each set of FOREIGN.

    `test` `(n, size, size)`; a set is made of up to N_FOREIGN of them, evenly chosen.
    """
    rng = np.random.default_rng(seed)
    some = test[np.unique(np.linspace(0, len(test) - 1, min(N_FOREIGN, len(test))).astype(int))]

    def warned(images: Images) -> float:
        return float((detector.distances(features(np.ascontiguousarray(images))) > 1).mean())

    return {
        "n_images": len(test),
        "n_foreign": len(some),
        "false_alarms": warned(test),
        "hits": {name: warned(make(some, rng)) for name, make in FOREIGN.items()},
    }


class Features:
    """What the detector looks at: the channels' means over a network's last map, the image at 8x8, its exposure."""

    def __init__(self, network: keras.Model) -> None:
        pooled = keras.layers.GlobalAveragePooling2D(dtype="float32")(last_map(network))
        self.body = keras.Model(network.input, pooled)

    def __call__(self, images: Images) -> Floats:
        """Features `(n, k)` of images uint8 `(n, size, size)`."""
        # Given all at once TensorFlow makes a pipeline of them, and writes of an error that is none.
        batches = np.split(images[..., None], range(BATCH_SIZE, len(images), BATCH_SIZE))
        pooled = np.concatenate([self.body.predict_on_batch(batch) for batch in batches]).astype(np.float64)
        thumbnails = np.stack([block_means(image, THUMBNAIL_PIXELS).ravel() for image in images])
        return np.hstack([pooled, thumbnails / 255, exposure(images) / 255])


def exposure(images: Images) -> Floats:
    """How bright images `(n, size, size)` are, `(n, N_EXPOSURE)`: mean, standard deviation, TAILS of their greys."""
    greys = images.reshape(len(images), -1)
    tails = np.percentile(greys, TAILS, axis=1)
    return np.column_stack([greys.mean(axis=1), greys.std(axis=1), *tails])


def n_features(network: keras.Model) -> int:
    """How many numbers `Features` makes of an image. Raises UserError where the network has no map."""
    return int(last_map(network).shape[-1]) + THUMBNAIL_PIXELS**2 + N_EXPOSURE
