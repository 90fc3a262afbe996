"""One file to predict with: a network and all that its figures were measured with, so that nothing can disagree.

A Keras file with two more members. Keras itself still loads it; reading it runs no code of the file.
"""

import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from cxr.data.params import ImagesParams
from cxr.errors import UserError
from cxr.inference import foreign
from cxr.inference.foreign import Cloud, Detector
from cxr.networks.backend import keras
from cxr.networks.model_file import COPY_BYTES, load, member
from cxr.params import STRICT
from cxr.statistics.params import EvaluateParams

DESCRIPTION, DETECTOR = "cxr/bundle.json", "cxr/detector.npz"
VERSION = 2
# Keys of `images` and `evaluate` that are younger than this version, each with the value that bundles without it were
# made with: whoever was handed a bundle cannot make it anew.
YOUNGER: dict[str, dict[str, Any]] = {"images": {}, "evaluate": {}}
ADVICE = "make it anew with: python -m study.bundle NAME"
# Upper limit of a detector's or description's size once unpacked, far above a real one's.
MAX_BYTES = 2**30


@checked(frozen=True, config=ConfigDict(**{**STRICT, "extra": "ignore"}))
class Description:
    """What a bundle says of its network, as far as predicting needs it; `study.bundle` writes it and more.

    `threshold`: the calibrated probability from which on an image is called `classes[1]`. `temperature`: divides the
    logits. `params`: the parameters of its run, by section.
    """

    classes: Annotated[list[str], Field(min_length=2, max_length=2)]
    images: ImagesParams
    evaluate: EvaluateParams
    threshold: Annotated[float, Field(ge=0, le=1)]
    temperature: Annotated[float, Field(gt=0)]
    params: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def is_of_phantoms(self) -> bool:
        """Whether the network was trained on synthetic images."""
        return self.params.get("data", {}).get("source") == "phantom"


@dataclass(frozen=True)
class Bundle:
    """A network, the detector of pictures unlike its training images, and its description."""

    network: keras.Model
    detector: Detector
    description: Description


def write(path: Path, model: Path, description: dict[str, Any], detector: Detector) -> None:
    """Write `model`, a .keras file, with description and detector to `path`; equal content gives an equal file."""
    arrays = io.BytesIO()
    np.savez(
        arrays,
        **{f"{name}_{key}": value for name, cloud in vars(detector).items() for key, value in vars(cloud).items()},
    )
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
    if not path.exists():
        raise UserError(f"{path} does not exist")
    try:
        with zipfile.ZipFile(path) as archive:
            if not {DESCRIPTION, DETECTOR} <= set(archive.namelist()):
                raise UserError(f"{path} is no bundle; make one with: python -m study.bundle NAME")
            text, detector = _unpacked(archive, DESCRIPTION), _detector(_unpacked(archive, DETECTOR))
            told = json.loads(text)
    except UserError:
        raise
    # What is raised depends on the place of the damage; zipfile promises no kind of exception.
    except Exception as error:
        raise UserError(f"{path} is no bundle, or damaged ({' '.join(str(error).split()):.200})") from None
    if not isinstance(told, dict) or told.get("version") != VERSION:
        raise UserError(f"{path} is a bundle of another version; {ADVICE}")
    try:
        description = TypeAdapter(Description).validate_json(json.dumps(_completed(told)))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))} {one['msg']}" for one in error.errors())
        raise UserError(f"{path} does not describe its network ({wrong}); {ADVICE}") from None
    network = load(str(path), description.images.size, ADVICE)
    n_look = foreign.n_features(network) - foreign.N_EXPOSURE
    for cloud, n in ((detector.look, n_look), (detector.exposure, foreign.N_EXPOSURE)):
        if cloud.mean.shape != (n,) or cloud.whitening.shape != (n, n):
            raise UserError(f"{path} has a detector that is not of its network; {ADVICE}")
    return Bundle(network, detector, description)


def _completed(told: dict[str, Any]) -> dict[str, Any]:
    """A description with the keys that are younger than its bundle."""
    return told | {name: keys | told[name] for name, keys in YOUNGER.items() if isinstance(told.get(name), dict)}


def _unpacked(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's content. Raises ValueError where it says that it is larger than any of its kind."""
    if (n_bytes := archive.getinfo(name).file_size) > MAX_BYTES:
        raise ValueError(f"{name} would take {n_bytes:,} bytes of memory")
    return archive.read(name)


def _detector(content: bytes) -> Detector:
    """The detector of a bundle. Raises whatever a damaged archive makes NumPy raise; ValueError for no numbers."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return Detector(*(_cloud(archive, name) for name in ("look", "exposure")))


def _cloud(archive: zipfile.ZipFile, name: str) -> Cloud:
    mean, whitening, limit = (
        np.load(io.BytesIO(_unpacked(archive, f"{name}_{key}.npy")), allow_pickle=False)
        for key in ("mean", "whitening", "limit")
    )
    if not all(np.isfinite(values).all() for values in (mean, whitening, limit)) or not limit > 0:
        raise ValueError("its detector holds what is no distance")
    return Cloud(mean, whitening, float(limit))
