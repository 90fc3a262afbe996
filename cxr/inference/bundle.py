"""One file to predict with: a network and all that its figures were measured with, so that nothing can disagree.

A Keras file with two more members. Keras itself still loads it; reading it runs no code of the file.
"""

import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr.errors import UserError
from cxr.inference.foreign import Detector
from cxr.networks.backend import keras
from cxr.networks.model_file import COPY_BYTES, load, member

DESCRIPTION, DETECTOR = "cxr/bundle.json", "cxr/detector.npz"
VERSION = 1
# What a bundle's description must have; see `study.bundle`, which writes it.
KEYS = {
    "version",
    "classes",
    "images",
    "evaluate",
    "threshold",
    "temperature",
    "params",
    "hashes",
    "versions",
    "metrics",
}


@dataclass(frozen=True)
class Bundle:
    """A network, the detector of pictures unlike its training images, and its description (see KEYS)."""

    network: keras.Model
    detector: Detector
    description: dict[str, Any]


def write(path: Path, model: Path, description: dict[str, Any], detector: Detector) -> None:
    """Write `model`, a .keras file, with description and detector to `path`; equal content gives an equal file."""
    arrays = io.BytesIO()
    np.savez(arrays, mean=detector.mean, whitening=detector.whitening, limit=detector.limit)
    text = json.dumps({"version": VERSION, **description}, indent=2, sort_keys=True)
    with zipfile.ZipFile(model) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            with source.open(name) as content, member(target, name) as copy:
                shutil.copyfileobj(content, copy, COPY_BYTES)
        for name, added in ((DESCRIPTION, text.encode()), (DETECTOR, arrays.getvalue())):
            with member(target, name) as copy:
                copy.write(added)


def read(path: Path) -> Bundle:
    """The bundle at `path`. Raises UserError, one line, where it is missing, damaged, or no bundle of this version."""
    try:
        with zipfile.ZipFile(path) as archive:
            description = json.loads(archive.read(DESCRIPTION))
            with np.load(io.BytesIO(archive.read(DETECTOR)), allow_pickle=False) as arrays:
                detector = Detector(arrays["mean"], arrays["whitening"], float(arrays["limit"]))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except KeyError:
        raise UserError(f"{path} is no bundle; make one with: python -m study.bundle NAME") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no bundle, or damaged ({error})") from None
    if not isinstance(description, dict) or description.get("version") != VERSION or KEYS - set(description):
        raise UserError(f"{path} is a bundle of another version; make it anew with: python -m study.bundle NAME")
    network = load(str(path), description["images"]["size"], "make it anew with: python -m study.bundle NAME")
    return Bundle(network, detector, description)
