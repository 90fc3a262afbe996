"""Save a trained network so that equal weights give an equal file."""

import io
import json
import zipfile
from pathlib import Path

from cxr.backend import keras

# Keras writes the date into the file's metadata; a fixed one keeps equal models equal byte for byte.
FIXED_DATE = (1980, 1, 1, 0, 0, 0)


def save(trained: keras.Model, empty: keras.Model, path: Path) -> None:
    """Write the trained weights at `path` (.keras) without the optimizer's state, three times their size.

    `empty` is an uncompiled network of the same build; it receives the weights.
    """
    empty.set_weights(trained.get_weights())
    empty.save(path)
    _fix_dates(path)


def load(path: str) -> keras.Model:
    """The network of a file that `save` wrote, for inference."""
    from cxr import layers  # noqa: F401  (registers the layers that the file names)

    return keras.saving.load_model(path, compile=False)


def _fix_dates(path: Path) -> None:
    """Rewrite the zip archive with one fixed date, inside and out."""
    fixed = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(fixed, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | {"date_saved": "1980-01-01@00:00:00"}).encode()
            target.writestr(zipfile.ZipInfo(name, FIXED_DATE), content)
    path.write_bytes(fixed.getvalue())
