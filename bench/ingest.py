"""From JPEG files to one array of grey squares: ours against a loop with OpenCV, and against decoding alone."""

import io
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from bench import pipeline
from cxr.errors import UserError
from cxr.sources import phantoms
from cxr.sources.params import PhantomParams

SIZE = 224
N_ROUNDS = 3
N_PHANTOMS = 96
PHANTOM_PIXELS = 1300
# The files are taken again until there are this many: the start of Python is not what a real set's time goes into.
MIN_IMAGES = 1500


def measure(folder: Path | None) -> pd.DataFrame:
    """Images per second of each way on the JPEGs below `folder`, or on phantoms; and how far the pixels differ."""
    with tempfile.TemporaryDirectory() as scratch:
        project = _project(Path(scratch), folder)
        files = sorted((project / "data" / "raw").rglob("*.jpeg"))
        ways: dict[str, Callable[[], object]] = {
            "cv2 loop": lambda: _cv2_loop(files),
            "decode alone, one core": lambda: _decode_alone(files),
            "entropy decoding alone, all cores": lambda: _entropy_decode(files),
            "ours": lambda: _ours(project),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(N_ROUNDS):
            for way, run in ways.items():
                started = time.perf_counter()
                run()
                seconds[way].append(time.perf_counter() - started)
        array, loop = np.load(project / "data" / "images.npy"), _cv2_loop(files)
        exact = np.stack([_exact(path) for path in files])
    best = {way: min(measured) for way, measured in seconds.items()}
    references = {"ours": array, "cv2 loop": loop}
    return pd.DataFrame(
        [
            {
                "way": way,
                "images": "originals" if folder else "synthetic phantoms",
                "n_images": len(files),
                "images_per_second": len(files) / least,
                "ratio_to_cv2_loop": best["cv2 loop"] / least,
                **(_distance(references[way], exact) if way in references else {}),
            }
            for way, least in best.items()
        ]
    )


def _project(scratch: Path, folder: Path | None) -> Path:
    """A copy of the pipeline with the JPEGs in data/raw and a manifest that names them."""
    project = scratch / "project"
    pipeline.copy(project, {"images.size": SIZE})
    raw = project / "data" / "raw"
    if folder is None:
        traps = dict.fromkeys(("quality_trap", "brightness_trap", "duplicate_trap", "prevalence_trap"), True)
        params = PhantomParams(n_images=N_PHANTOMS, pixels=PHANTOM_PIXELS, opacity=1.0, seed=0, **traps)
        for planned in phantoms.plan(params):
            _parent(raw / planned.path).write_bytes(phantoms.encode(planned, params.opacity))
    else:
        for path in sorted(folder.rglob("*.jpeg")):
            shutil.copy(path, _parent(raw / path.relative_to(folder)))
    files = sorted(raw.rglob("*.jpeg"))
    if not files:
        raise UserError(f"{folder} holds no .jpeg file")
    for turn in range(1, math.ceil(MIN_IMAGES / len(files))):
        for path in files:
            shutil.copy(path, path.with_stem(f"{path.stem}-{turn}"))
    paths = [path.relative_to(raw).as_posix() for path in sorted(raw.rglob("*.jpeg"))]
    pd.DataFrame({"path": paths}).to_csv(project / "data" / "manifest.csv", index=False)
    return project


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _ours(project: Path) -> None:
    """The stage as DVC runs it, its start of Python included."""
    subprocess.run([sys.executable, "-m", "stages.images"], cwd=project, check=True, capture_output=True)


def _cv2_loop(files: list[Path]) -> np.ndarray:
    """What users write: read grey, resize bilinear, stack."""
    import cv2

    return np.stack([cv2.resize(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (SIZE, SIZE)) for path in files])


def _decode_alone(files: list[Path]) -> None:
    import cv2

    for path in files:
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def _entropy_decode(files: list[Path]) -> None:
    """The least that any reader must do: every bit of the file read, one pixel of 64 made."""
    with ProcessPoolExecutor() as pool:
        list(pool.map(_decode_at_an_eighth, files, chunksize=16))


def _decode_at_an_eighth(path: Path) -> None:
    with Image.open(path) as image:
        image.draft("L", (1, 1))
        image.load()


def _exact(path: Path) -> np.ndarray:
    """Decoded at full size, then resized with averaging."""
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return np.asarray(image.convert("L").resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def _distance(images: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """How far pixels are from the anti-aliased resize of the whole image, in grey levels of 0 to 255."""
    difference = np.abs(images.astype(int) - exact)
    return {"mean_difference": float(difference.mean()), "share_above_3": float((difference > 3).mean())}
