"""What the data give away for free: classifiers that never see the lungs.

Each learns from the training part what a file's storage, its size, or pixels without anatomy tell of the label, and is
measured on the test part as a network is. Where one does as well as a network, the network's accuracy proves nothing.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from cxr.statistics.estimate import estimate, keyed, sample
from cxr.statistics.params import AuditParams

Features = NDArray[np.float64]

# The manifest's columns that tell of a file without its being decoded; a table's acquisition may be there.
METADATA = {"jpeg_quality", "bytes", "width", "height", "mode", "acquisition"}
RING_PIXELS = 16
THUMBNAIL_PIXELS = 8
THRESHOLD = 0.5
# Images that a leaf of the trees holds at least, scikit-learn's default.
LEAF = 20


def metadata_features(manifest: pd.DataFrame) -> dict[str, Features]:
    """What the files tell without being decoded, each `(n, k)`: storage, size, mode, and all of it together.

    A table's acquisition is one of them. NaN where a file has none (the JPEG quality of a PNG).
    """
    pixels = manifest["width"] * manifest["height"]
    columns = {
        "jpeg_quality": manifest[["jpeg_quality"]],
        "bytes_per_pixel": manifest[["bytes"]].div(pixels, axis=0),
        "size": manifest[["width", "height"]].assign(aspect=manifest["width"] / manifest["height"]),
        "mode": pd.DataFrame({"mode": pd.factorize(manifest["mode"], sort=True)[0]}),
    }
    if "acquisition" in manifest:
        columns["acquisition"] = pd.DataFrame({"acquisition": pd.factorize(manifest["acquisition"], sort=True)[0]})
    features = {name: table.to_numpy(dtype=np.float64, na_value=np.nan) for name, table in columns.items()}
    return features | {"metadata": np.hstack(list(features.values()))}


def pixel_features(images: NDArray[np.uint8]) -> dict[str, Features]:
    """What is left of uint8 images `(n, size, size)` without anatomy, each `(n, k)`.

    brightness: mean and standard deviation; border: the outermost ring of the image at 16x16; thumbnail: 8x8.
    """
    is_ring = np.ones((RING_PIXELS, RING_PIXELS), dtype=bool)
    is_ring[1:-1, 1:-1] = False
    brightness = np.empty((len(images), 2))
    border = np.empty((len(images), int(is_ring.sum())))
    thumbnail = np.empty((len(images), THUMBNAIL_PIXELS**2))
    # Image by image into their places: lists of what is found would take several times the memory.
    for i, image in enumerate(images):
        brightness[i] = image.mean(), image.std()
        border[i] = block_means(image, RING_PIXELS)[is_ring]
        thumbnail[i] = block_means(image, THUMBNAIL_PIXELS).ravel()
    return {"brightness": brightness, "border": border, "thumbnail": thumbnail}


def block_means(image: NDArray[np.uint8], size: int) -> Features:
    """Means `(size, size)` of a square image's blocks of nearly equal extent; a smaller one is repeated into them."""
    starts = np.arange(size) * image.shape[0] // size
    extents = np.maximum(np.diff(starts, append=image.shape[0]), 1)
    rows = np.add.reduceat(image.astype(np.float64), starts, axis=0) / extents[:, None]
    return np.add.reduceat(rows, starts, axis=1) / extents


def measure(
    features: Features | None, train: pd.DataFrame, test: pd.DataFrame, params: AuditParams
) -> dict[str, float]:
    """Accuracy and AUROC on the test part, with 95% patient-group bootstrap intervals, of one shortcut.

    `train` and `test` have row, label and patient_group; `row` points into `features`. Gradient-boosted trees learn
    from the training part alone; see `leaf` for the images that one of their leaves holds at least. Without features
    every image is given the training part's prevalence: the majority.
    """
    labels = test["label"].to_numpy()
    if features is None:
        probabilities = np.full(len(test), train["label"].mean())
    else:
        # A column without any value in the training part, as JPEG quality where all are PNG, tells nothing; the trees
        # take some missing values, not a column of them.
        is_empty = np.isnan(features[train["row"]]).all(axis=0)
        features = np.where(is_empty, 0.0, features)
        trees = HistGradientBoostingClassifier(
            early_stopping=False, min_samples_leaf=leaf(train["label"]), random_state=params.seed
        )
        # So few numbers: the threads would wait for each other longer than they compute.
        with threadpool_limits(1):
            trees.fit(features[train["row"]], train["label"])
            probabilities = trees.predict_proba(features[test["row"]])[:, 1]
    groups = test["patient_group"].to_numpy()
    sampled = sample(labels, probabilities, THRESHOLD, groups, params.bootstrap_samples, params.seed)
    return keyed({name: estimate([sampled[name]]) for name in ("accuracy", "auroc")})


def leaf(labels: "pd.Series[int]") -> int:
    """The fewest training images of a leaf: LEAF, or two thirds of the smaller class of `labels` `(n,)` if fewer.

    A leaf of 20 never holds a class of 15 alone: what tells it would not be found.
    """
    n_of_smaller = int(np.bincount(labels, minlength=2).min())
    return min(LEAF, max(1, 2 * n_of_smaller // 3))


def audit(
    manifest: pd.DataFrame, images: NDArray[np.uint8], train: pd.DataFrame, test: pd.DataFrame, params: AuditParams
) -> dict[str, dict[str, float]]:
    """The metrics of every shortcut by its name, the majority first."""
    features: dict[str, Any] = {"majority": None, **metadata_features(manifest), **pixel_features(images)}
    return {name: measure(values, train, test, params) for name, values in features.items()}
