"""Which radiographs a picture shows, and the words under them."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr.data.names import in_prose
from cxr.inference import explain
from cxr.inference.pictures import Tile
from cxr.networks import augmentation
from cxr.networks.params import AugmentParams

N_EPOCHS_SHOWN = 3

Rows = dict[str, list[Tile]]
Images = NDArray[np.uint8]

# What an image shows and what it is called, in the order of a picture's rows: (label, called).
OUTCOMES = [(1, 1), (0, 1), (1, 0), (0, 0)]


def _outcomes(classes: list[str]) -> dict[str, tuple[int, int]]:
    """OUTCOMES in words."""
    names = [in_prose(name) for name in classes]
    return {f"{names[label]}, called {names[called]}": (label, called) for label, called in OUTCOMES}


def samples(
    images: Images, manifest: pd.DataFrame, parts: dict[str, pd.DataFrame], classes: list[str], n: int, seed: int
) -> Rows:
    """`n` images of each part and class, drawn at random; `classes`: the names of the labels.

    `parts` have row, path and label; rows point into `images` `(n_images, size, size)` and the manifest.
    """
    rows: Rows = {}
    for part, table in parts.items():
        for label, name in enumerate(classes):
            drawn = _drawn(table[table["label"] == label], n, seed)
            rows[f"{part}, {name}"] = [
                Tile(images[row], f"{_file(manifest, row)}\n{manifest['width'][row]} x {manifest['height'][row]}")
                for row in drawn["row"]
            ]
    return rows


def augmented(images: Images, train: pd.DataFrame, augment: AugmentParams, n: int, seed: int) -> Rows:
    """`n` training images as they are, and as the first epochs of the training with this `seed` showed them."""
    drawn = _drawn(train, n, seed)["row"].to_numpy()
    rows = {"as they are": [Tile(image, "") for image in images[drawn]]}
    for epoch in range(1, N_EPOCHS_SHOWN + 1):
        draws = augmentation.draw(len(images), seed, epoch)[drawn]
        rows[f"epoch {epoch}"] = [Tile(image, "") for image in augmentation.augment(images[drawn], draws, augment)]
    return rows


def errors(images: Images, test: pd.DataFrame, classes: list[str], n: int) -> Rows:
    """The most confident errors of each kind; `test` has row, path, label, called, probability, patient_group.

    Each says where its probability lies among those of all test images of its class.
    """
    rows: Rows = {}
    for name, (label, called) in _outcomes(classes).items():
        if label != called:
            of_class = test[test["label"] == label].sort_values("probability", ascending=not called)
            wrong = of_class[of_class["called"] == called][:n]
            shown = zip(images[wrong["row"].to_numpy()], wrong["probability"], wrong["patient_group"], strict=True)
            end = "highest" if called else "lowest"
            rows[f"{name}: {(of_class['called'] == called).sum()} of {len(of_class)}"] = [
                Tile(image, f"p {probability:.3f}, {end} {rank} of {len(of_class)}\n{group}")
                for rank, (image, probability, group) in enumerate(shown, start=1)
            ]
    return rows


def saliency(
    images: Images, test: pd.DataFrame, grad_cam: explain.GradCam | None, classes: list[str], n: int, seed: int
) -> Rows:
    """Images of each outcome, drawn at random, with the lung field's outline, under their Grad-CAM map if any."""
    rows: Rows = {}
    size = images.shape[1]
    for name, (label, called) in _outcomes(classes).items():
        drawn = _drawn(test[(test["label"] == label) & (test["called"] == called)], n, seed)
        pixels = images[drawn["row"].to_numpy()]
        maps = explain.resized(grad_cam(pixels), size) if grad_cam else [None] * len(pixels)
        rows[name] = [
            Tile(image, f"p {row.probability:.3f}\n{row.patient_group}", cam, explain.lung_field(size))
            for image, cam, row in zip(pixels, maps, drawn.itertuples(), strict=True)
        ]
    return rows


def _drawn(table: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """`n` rows at random, or all where there are fewer; whatever the order of the table."""
    return table.sort_values("path", ignore_index=True).sample(min(n, len(table)), random_state=seed)


def _file(manifest: pd.DataFrame, row: Any) -> str:
    return str(manifest["path"][row]).rsplit("/", 1)[-1]
