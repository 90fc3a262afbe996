"""Save a trained network so that equal weights give an equal file, and load it."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from cxr.errors import UserError
from cxr.networks.backend import keras

# Keras writes the date into the file's metadata; a fixed one keeps equal models equal byte for byte.
FIXED_DATE = (1980, 1, 1, 0, 0, 0)
COPY_BYTES = 2**24

ADVICE = "train again with `dvc repro -f train`"


def save(trained: keras.Model, empty: keras.Model, path: Path) -> None:
    """Write the trained weights at `path` (.keras) without the optimizer's state, three times their size.

    `empty` is an uncompiled network of the same build; it receives the weights.
    """
    for target, source in zip(empty.weights, trained.weights, strict=True):
        target.assign(source.value)
    dated = path.with_name(f"dated-{path.name}")
    empty.save(dated)
    _fix_dates(dated, path)
    dated.unlink()


def load(path: str, image_size: int, advice: str = ADVICE) -> keras.Model:
    """The network of a file that `save` wrote, for inference on uint8 grey images of that many pixels a side.

    Raises UserError, which ends with `advice`, where the file is damaged, or is none of a network that tells pneumonia
    in such images.
    """
    from cxr.networks import network  # noqa: F401  (registers the layers that the file names)

    try:
        # In Keras' safe mode, its default: a file brings no code of its own.
        loaded = keras.saving.load_model(path, compile=False)
    # A damaged or foreign file fails wherever it happens to; Keras promises no kind of exception.
    except Exception as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split()):.200}); {advice}") from None
    if problem := _problem(loaded, image_size):
        raise UserError(f"{path} {problem}; {advice}")
    return loaded


def _problem(network: keras.Model, image_size: int) -> str:
    """Why the network cannot be used; empty where it can."""
    expected = (None, image_size, image_size, 1)
    if (found := getattr(network, "input_shape", None)) != expected:
        return f"takes images of shape {found}, and those here have {expected}"
    if (found := network.output_shape) != (None, 1):
        return f"gives an output of shape {found}, not one logit of pneumonia for each image"
    if not all(np.isfinite(weights).all() for weights in network.get_weights()):
        return "has weights that are no numbers"
    return ""


def _fix_dates(dated: Path, path: Path) -> None:
    """Copy the zip archive `dated` to `path` with one fixed date, inside and out."""
    with zipfile.ZipFile(dated) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            with source.open(name) as content, member(target, name) as copy:
                if name == "metadata.json":
                    copy.write(json.dumps(json.load(content) | {"date_saved": "1980-01-01@00:00:00"}).encode())
                else:
                    shutil.copyfileobj(content, copy, COPY_BYTES)


def member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A file of the archive to write to, of any size."""
    return archive.open(zipfile.ZipInfo(name, FIXED_DATE), "w", force_zip64=True)
