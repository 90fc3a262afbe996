"""What a network looks at: Grad-CAM, its share inside the lungs, and what happens when lungs or frame are blanked."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from cxr.errors import UserError
from cxr.inference.predict import check_output
from cxr.networks.backend import keras

ops = keras.ops

Images = NDArray[np.uint8]
Maps = NDArray[np.float32]
Mask = NDArray[np.bool_]
# Images `(n, size, size)` to probabilities of pneumonia `(n,)`.
Predict = Callable[[Images], NDArray[np.float64]]

N_AT_ONCE = 32
N_MEASURED_AT_ONCE = 256

# The lung field of a frontal chest radiograph, coarsely, in shares of the image: an ellipse on each side of the middle,
# drawn around the lungs of the mean normal image of the training folder.
LUNG_FROM_MIDDLE, LUNG_DOWN, LUNG_RADIUS_ACROSS, LUNG_RADIUS_DOWN = 0.19, 0.46, 0.17, 0.31
# The frame: the outermost sixteenth on each side, as the audit's `border` takes it.
FRAME = 1 / 16


def lung_field(size: int) -> Mask:
    """Where the lungs are on most frontal radiographs, bool `(size, size)`: a third of the image, the same for all."""
    places = np.arange(size)
    from_middle = np.abs(2 * places + 1 - size) / (2 * size)
    across = (from_middle - LUNG_FROM_MIDDLE) / LUNG_RADIUS_ACROSS
    down = ((places + 0.5) / size - LUNG_DOWN) / LUNG_RADIUS_DOWN
    return across[None, :] ** 2 + down[:, None] ** 2 <= 1


def frame(size: int) -> Mask:
    """The outermost pixels on each side, bool `(size, size)`."""
    width = max(1, round(size * FRAME))
    is_frame = np.ones((size, size), dtype=bool)
    is_frame[width:-width, width:-width] = False
    return is_frame


def blanked(images: Images, mask: Mask) -> Images:
    """Images `(n, size, size)` with the pixels of `mask` set to each image's own mean of the others."""
    filled = images.copy()
    filled[:, mask] = images[:, ~mask].mean(axis=1).astype(np.uint8)[:, None]
    return filled


class GradCam:
    """Grad-CAM (Selvaraju et al. 2017) of a network's last feature map.

    The map's channels are weighted by the mean gradient of the pneumonia logit over the map and summed; ReLU keeps
    what speaks for pneumonia. Raises UserError where a network has no feature map, ValueError as `check_output`.
    """

    def __init__(self, network: keras.Model) -> None:
        check_output(network)
        features = feature_map(network)
        self.body = keras.Model(network.input, features)
        self.head = keras.Model(features, network.output)

    def __call__(self, images: Images) -> Maps:
        """The maps of images `(n, size, size)`, float32 `(n, height, width)` of the feature map, not scaled."""
        height, width = self.body.output_shape[1:3]
        return np.concatenate([np.empty((0, height, width), np.float32), *self._maps(images)])

    def _maps(self, images: Images) -> Iterator[Maps]:
        for start in range(0, len(images), N_AT_ONCE):
            features = self.body(images[start : start + N_AT_ONCE, :, :, None], training=False)
            gradient = self._gradient(features)
            weights = ops.mean(ops.cast(gradient, "float32"), axis=(1, 2), keepdims=True)  # (n, 1, 1, channels)
            maps = ops.relu(ops.sum(weights * ops.cast(features, "float32"), axis=-1))  # (n, height, width)
            yield ops.convert_to_numpy(maps)

    def _gradient(self, features: Any) -> Any:
        """The gradient of the logits by `features` `(n, height, width, channels)`, of their shape.

        It is taken of the sum of all logits: no image of a batch enters the logit of another, so that this is each
        logit's gradient by the features of its image.
        """
        if keras.backend.backend() == "jax":
            import jax

            return jax.grad(lambda features: ops.sum(self.head(features, training=False)))(features)
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(features)
            logits = self.head(features, training=False)
        return tape.gradient(logits, features)


def feature_map(network: keras.Model) -> Any:
    """The `last_map` of a network with a convolution, `(n, height, width, channels)`. Raises UserError without one."""
    if not has_feature_map(network):
        raise UserError("the network has no convolution before its flatten, so no map shows where it looks")
    return last_map(network)


def has_feature_map(network: keras.Model) -> bool:
    """Whether weights have made a map; without a convolution the last one is the image, pooled or as equal channels."""
    return any(layer.weights and _is_map(layer.output) for layer in network.layers)


def last_map(network: keras.Model) -> Any:
    """The output of the last layer that still has height and width, `(n, height, width, channels)`.

    Raises UserError where there is none but the image.
    """
    # The image itself and its rescaling.
    before = (keras.layers.InputLayer, keras.layers.Rescaling)
    outputs = [layer.output for layer in network.layers if not isinstance(layer, before)]
    if not (found := [output for output in outputs if _is_map(output)]):
        raise UserError("the network has no map before its flatten")
    return found[-1]


def _is_map(output: Any) -> bool:
    return len(getattr(output, "shape", ())) == 4


def resized(maps: Maps, size: int) -> Maps:
    """Maps `(n, height, width)` brought bilinearly to `(n, size, size)`, each scaled to a largest value of 1.

    A map of zeros, on which nothing speaks for pneumonia, stays so.
    """
    large = ops.convert_to_numpy(ops.image.resize(maps[..., None], (size, size), interpolation="bilinear"))[..., 0]
    peaks = large.max(axis=(1, 2), keepdims=True)
    return np.divide(large, peaks, out=np.zeros_like(large), where=peaks > 0)


def share_inside(maps: Maps, mask: Mask) -> NDArray[np.float64]:
    """The share of each map's sum that lies inside `mask`, `(n,)`; NaN for a map of zeros."""
    maps = maps.astype(np.float64)
    total = maps.sum(axis=(1, 2))
    return np.divide(maps[:, mask].sum(axis=1), total, out=np.full(len(maps), np.nan), where=total > 0)


def agreement(one: Maps, two: Maps) -> NDArray[np.float64]:
    """Spearman's correlation of two networks' maps, image by image `(n,)`; NaN where a map does not vary."""
    return np.array(
        [
            spearmanr(a.ravel(), b.ravel()).statistic if np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan
            for a, b in zip(one, two, strict=True)
        ]
    )


def with_random_weights(network: keras.Model, seed: int) -> keras.Model:
    """The same network with weights as before any training: what Adebayo et al. (2018) hold a saliency map against."""
    # Another seed than the one given: a training of that seed may have begun with the very weights that it gives.
    keras.utils.set_random_seed(2**32 - 1 - seed)
    return keras.models.clone_model(network)


def measure(network: keras.Model, images: Images, test: pd.DataFrame, predict: Predict, seed: int) -> dict[str, Any]:
    """What pictures cannot hide, over the whole test part (`test` has row, label and called).

    share_in_lungs       mean share of a map's sum inside the lung field, of images called pneumonia and of all;
                         `chance` is the field's share of the image, which a map without any preference has
    probability_drop     mean fall of the probability, over images called pneumonia, when lungs or frame are blanked;
                         `predict` gives the probabilities of images as the evaluation has them
    agreement_random     mean rank correlation of the maps with those of the network with random weights: near 0 where
                         the maps depend on what was learned (Adebayo et al. 2018)

    What needs maps is None of a network without a convolution.
    """
    size = images.shape[1]
    lungs, blanks = lung_field(size), {"lungs": lung_field(size), "frame": frame(size)}
    compared = [network, with_random_weights(network, seed)] if has_feature_map(network) else []
    looks = [GradCam(one) for one in compared]
    is_called = test["called"].to_numpy() == 1
    share, agreed = (np.full(len(test), np.nan) for _ in range(2))
    drops: dict[str, list[Any]] = {name: [] for name, mask in blanks.items() if is_called.any() and not mask.all()}
    # A few at a time: the maps of a whole test part, as large as its images and in float32, would take gigabytes.
    for start in range(0, len(test), N_MEASURED_AT_ONCE):
        chunk = slice(start, start + N_MEASURED_AT_ONCE)
        pixels = images[test["row"].to_numpy()[chunk]]
        if looks:
            maps, at_random = (resized(look(pixels), size) for look in looks)
            share[chunk], agreed[chunk] = share_inside(maps, lungs), agreement(maps, at_random)
        called = pixels[is_called[chunk]]
        for name, found in drops.items():
            if len(called):
                found.append(predict(called) - predict(blanked(called, blanks[name])))
    return {
        "n_images": len(test),
        "n_called_pneumonia": int(is_called.sum()),
        "share_in_lungs": {
            "all": _mean(share),
            "called_pneumonia": _mean(share[is_called]),
            "chance": float(lungs.mean()),
        },
        "probability_drop": {
            # In images of two pixels nothing is left beside a mask, from which to take what it is filled with.
            name: _mean(np.concatenate(drops[name])) if name in drops else None
            for name in blanks
        },
        "agreement_random": _mean(agreed),
    }


def _mean(values: NDArray[np.float64]) -> float | None:
    """The mean of what is a number; None where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
