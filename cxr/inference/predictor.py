"""Predict image files with a bundle, exactly as the pipeline predicted its test part."""

import os
import sys
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from tqdm import tqdm

from cxr.data import images
from cxr.data.images import UnknownFormatError, UnusableFileError
from cxr.errors import UserError, printable
from cxr.files import below, is_hidden
from cxr.inference import dicom, explain
from cxr.inference.bundle import Bundle
from cxr.inference.colour import is_coloured
from cxr.inference.foreign import Features
from cxr.inference.pictures import Tile, write_grid
from cxr.inference.predict import logits

Images = NDArray[np.uint8]

SUFFIXES = {".jpeg", ".jpg", ".png", ".dcm", ".dicom"}
ENDINGS = ", ".join(sorted(SUFFIXES))
N_AT_ONCE = 512
COLUMNS = ["path", "probability", "calibrated", "decision", "warnings"]


def image_files(paths: Iterable[Path]) -> list[Path]:
    """The files named, and those under the folders named that end like an image, in order, each once.

    A file that is named in two ways (`set`, `/home/me/set`) is called as it was first. Links are followed. What else a
    folder holds is counted on stderr. Raises UserError where a path does not exist or a folder holds no image.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist")
        for file in _images_below(path) if path.is_dir() else [path]:
            found.setdefault(file.parent.resolve() / file.name, file)
    return list(found.values())


def _images_below(folder: Path) -> list[Path]:
    found = [file for file in below(folder) if _is_meant(file)]
    # A named folder that is hidden itself is meant.
    hidden = [file for file in found if is_hidden(file.relative_to(folder)) and file.suffix.lower() in SUFFIXES]
    files = [file for file in found if not is_hidden(file.relative_to(folder))]
    inside = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not inside:
        raise UserError(f"{folder} holds no image ({ENDINGS})")
    if hidden:
        told = f"{len(hidden)} images in hidden folders are left out, the first is {hidden[0]}"
        print(f"{folder}: {told}", file=sys.stderr)
    # Scanners export DICOM without any ending, and others store TIFF: their owner expects them to be predicted.
    if others := [file for file in files if file.suffix.lower() not in SUFFIXES]:
        print(
            f"{folder}: {len(others)} files that do not end in {ENDINGS} are left out, the first is {others[0]}; "
            "one that is an image all the same is read where it is named itself",
            file=sys.stderr,
        )
    return inside


def _is_meant(path: Path) -> bool:
    # What macOS leaves beside each file is not; nor is what is no file, and reading a pipe never ends. A link to
    # nothing is: that it cannot be read is told.
    return path.name[0] != "." and (path.is_file() or not path.exists())


@dataclass(frozen=True)
class Image:
    """A file that has been read: its pixels uint8 `(size, size)`, and whether it showed colours."""

    path: Path
    pixels: Images
    is_coloured: bool


def _warnings(image: Image, distance: float) -> str:
    """What speaks against an image's prediction; `distance` from the training images, above 1 unlike them."""
    found = ["not grey: a radiograph shows no colours"] if image.is_coloured else []
    if distance > 1:
        found.append(f"unlike the training images: {distance:.1f} times the limit")
    return "; ".join(found)


class Predictor:
    """A bundle put to use."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.images, self.evaluate = bundle.description.images, bundle.description.evaluate
        self.features = Features(bundle.network)

    def predict(self, files: list[Path]) -> tuple[pd.DataFrame, list[str]]:
        """A table of COLUMNS, a row for each file that can be read, and one line for each that cannot."""
        tables, problems = [pd.DataFrame(columns=COLUMNS)], []
        with tqdm(total=len(files), desc="predict", unit="image") as bar:
            for start in range(0, len(files), N_AT_ONCE):
                chunk = files[start : start + N_AT_ONCE]
                read, unreadable = self.read(chunk)
                problems += unreadable
                if read:
                    tables.append(self._table(read))
                bar.update(len(chunk))
        return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True), problems

    def read(self, files: list[Path]) -> tuple[list[Image], list[str]]:
        """The files that can be read, and why the others cannot."""
        # Threads: decoding leaves Python free, and a process would have to load Keras. As many as cores, since a large
        # DICOM takes 200 MB. `dicom.read` silences pydicom for the whole process; of threads that do so at once, the
        # last to end could leave it silenced, but for the block around them.
        with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
            warnings.simplefilter("ignore")
            results = list(pool.map(self._read, files))
        found = [result for result in results if isinstance(result, Image)]
        return found, [result for result in results if isinstance(result, str)]

    def _read(self, path: Path) -> Image | str:
        """The image of a file, or why it cannot be read."""
        try:
            content = path.read_bytes()
            if dicom.is_dicom(content):
                return Image(path, images.shrink(dicom.read(content).grey, **asdict(self.images)), is_coloured=False)
            return Image(path, images.decode(content, **asdict(self.images)), is_coloured(content))
        except UnknownFormatError:
            return f"{path}: not an image; JPEG, PNG and DICOM are read, DICOM with its preamble (128 bytes, then DICM)"
        except (UnusableFileError, OSError) as error:
            return f"{path}: {error.strerror if isinstance(error, OSError) else error}"

    def logits(self, pixels: Images) -> NDArray[np.float64]:
        """Logits `(n,)` of images `(n, size, size)`, seen as the evaluation saw its test part."""
        rows = np.arange(len(pixels))
        return np.asarray(logits(self.bundle.network, pixels, rows, crop=self.evaluate.crop, flip=self.evaluate.flip))

    def _table(self, read: list[Image]) -> pd.DataFrame:
        pixels = np.stack([image.pixels for image in read])
        seen = self.logits(pixels)
        calibrated = expit(seen / self.bundle.description.temperature)
        is_called = calibrated >= self.bundle.description.threshold
        distances = self.bundle.detector.distances(self.features(pixels))
        return pd.DataFrame(
            {
                "path": [str(image.path) for image in read],
                "probability": expit(seen),
                "calibrated": calibrated,
                "decision": np.array(self.bundle.description.classes)[is_called.astype(int)],
                "warnings": [_warnings(*both) for both in zip(read, distances, strict=True)],
            }
        )

    def draw(self, table: pd.DataFrame, folder: Path) -> None:
        """A PNG for each row of `table`: where the network looks, Grad-CAM over the image, the lung field's outline."""
        folder.mkdir(parents=True, exist_ok=True)
        grad_cam = explain.GradCam(self.bundle.network)
        for number, row in enumerate(
            tqdm(table.itertuples(), total=len(table), desc="saliency", unit="image"), start=1
        ):
            path = Path(str(row.path))
            if not (read := self.read([path])[0]):
                raise UserError(f"{path} has changed since it was predicted")
            pixels = read[0].pixels
            cam = explain.resized(grad_cam(pixels[None]), self.images.size)[0]
            tile = Tile(pixels, f"p {row.calibrated:.3f}, {row.decision}", cam, explain.lung_field(self.images.size))
            # Numbered: two folders may hold files of one name. Cut: a name may be as long as the disk allows already.
            name = f"{number:05d}-{path.stem[:50]}.png"
            write_grid(folder / name, printable(path.name), {"": [Tile(pixels, "as seen"), tile]}, 2)
