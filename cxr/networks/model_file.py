"""Save a trained network so that equal weights give an equal file."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import IO

from cxr.networks.backend import keras

# Keras writes the date into the file's metadata; a fixed one keeps equal models equal byte for byte.
FIXED_DATE = (1980, 1, 1, 0, 0, 0)
COPY_BYTES = 2**24


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


def load(path: str) -> keras.Model:
    """The network of a file that `save` wrote, for inference."""
    from cxr.networks import network  # noqa: F401  (registers the layers that the file names)

    return keras.saving.load_model(path, compile=False)


def _fix_dates(dated: Path, path: Path) -> None:
    """Copy the zip archive `dated` to `path` with one fixed date, inside and out."""
    with zipfile.ZipFile(dated) as source, zipfile.ZipFile(path, "w") as target:
        for name in sorted(source.namelist()):
            with source.open(name) as content, _member(target, name) as copy:
                if name == "metadata.json":
                    copy.write(json.dumps(json.load(content) | {"date_saved": "1980-01-01@00:00:00"}).encode())
                else:
                    shutil.copyfileobj(content, copy, COPY_BYTES)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A file of the archive to write to, of any size."""
    return archive.open(zipfile.ZipInfo(name, FIXED_DATE), "w", force_zip64=True)
