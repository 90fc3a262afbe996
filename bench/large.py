"""How each stage's time and memory grow from thousands to hundreds of thousands of images, on phantoms.

A few hundred phantoms are drawn. Each image of the data set is the file of one of them with its own number in a JPEG
comment, so that files differ, as those of patients do, and cost the disk one block each; one in a hundred is a copy.
"""

import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import pipeline
from bench.watched import MIB, Cost, Others, TooMuchError, watch
from bench.ways import BATCH_SIZE
from cxr.sources import phantoms
from cxr.sources.params import PhantomParams
from cxr.vocabulary import CLASSES, SPLITS

N_IMAGES = [5_000, 50_000, 400_000]
N_DRAWN, PHANTOM_PIXELS = 300, 64
SIZE = 64
# A small network and one epoch: what the number of images costs, not what a network costs.
SETTINGS = {
    "images.size": SIZE,
    "model.layers": "C-P-C-P-F-D",
    "model.filters": [8, 8],
    "model.dense_units": 16,
    "train.epochs": 1,
}
OUTPUTS = {
    "download": ["data/raw", "data/details/download.json"],
    "manifest": ["data/manifest.csv", "data/details/data.json"],
    "images": ["data/images.npy"],
    "split": ["data/split", "data/details/split.json"],
    "audit": ["plots/shortcuts.csv", "data/details/shortcuts.json"],
    "train": ["models/model.keras", "data/details/train.json", "plots/history.csv"],
    "evaluate": ["data/predictions", "data/details/test.json", *(f"plots/{name}.csv" for name in ("roc", "confusion"))],
}
DVC = "DVC takes data/raw in"
FROM_DISK = "batches of 224 px from disk"
# Images in the file, and how many of them are read.
N_ON_DISK = 40_000, 6_400
DISK_IMAGE = (224, 224)
LIMIT_S, LIMIT_MIB = 900.0, 10_000.0
# Of the disk for an image: its file, the file that it is copied from, its pixels, rows of tables.
BYTES_PER_IMAGE = 2 * 4096 + SIZE**2 + 1024


def measure() -> pd.DataFrame:
    """A row for each number of images and stage: what `watch` says it took, and what it wrote in MiB.

    The last row: images of 224 px read at random from a file that is not in memory. Each row is on stderr as soon as it
    is there. A stage above its limits ends the rows of its number of images; what the disk cannot hold is left out.
    """
    rows: list[dict[str, Any]] = []
    for n in N_IMAGES:
        with tempfile.TemporaryDirectory(prefix="large-", ignore_cleanup_errors=True) as scratch:
            if shutil.disk_usage(scratch).free < 2 * n * BYTES_PER_IMAGE:
                needed = 2 * n * BYTES_PER_IMAGE / 2**30
                print(f"{n:,} images are left out: they need {needed:.1f} GiB free in {scratch}", file=sys.stderr)
                continue
            try:
                for row in _stages(Path(scratch), n):
                    rows.append(row)
            except TooMuchError as error:
                print(f"{n:,} images: {error}; no more stages of so many", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="large-") as scratch:
        rows.append(_from_disk(Path(scratch) / "images.npy"))
    return pd.DataFrame(rows)


def _stages(scratch: Path, n_images: int) -> Iterator[dict[str, Any]]:
    origin, project = scratch / "origin", scratch / "project"
    draw(origin, n_images)
    _project(project, origin)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    # As dvc.yaml starts it.
    of_train = dict([(pipeline.PROJECT / "cxr" / "networks" / "malloc.env").read_text().strip().split("=", 1)])
    for stage, outputs in OUTPUTS.items():
        command = [sys.executable, "-m", f"stages.{stage}"]
        cost = watch(command, project, environment | (of_train if stage == "train" else {}), LIMIT_S, LIMIT_MIB)
        yield _row(n_images, stage, cost, [project / name for name in outputs])
    cost = watch([sys.executable, "-m", "dvc", "add", "-q", "data/raw"], project, environment, LIMIT_S, LIMIT_MIB)
    yield _row(n_images, DVC, cost, [project / ".dvc" / "cache"])


def _from_disk(path: Path) -> dict[str, Any]:
    """How long it takes to read images in batches, in random order, from an array of which nothing is in memory.

    Only Linux forgets a file that it has read; elsewhere they come from memory.
    """
    n, n_read = N_ON_DISK
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(n, *DISK_IMAGE))
    for start in range(0, n, BATCH_SIZE):
        images[start : start + BATCH_SIZE] = start % 256
    images.flush()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            del images
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    images = np.load(path, mmap_mode="r")
    rows = np.random.default_rng(0).permutation(n)[:n_read]
    others, started, worked = Others(), time.perf_counter(), time.process_time()
    for start in range(0, n_read, BATCH_SIZE):
        images[rows[start : start + BATCH_SIZE]]
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - worked
    cost = Cost(seconds, cpu_seconds, math.nan, math.nan, others.cores())
    return _row(n_read, FROM_DISK, cost, [path])


def _row(n_images: int, stage: str, cost: Cost, outputs: list[Path]) -> dict[str, Any]:
    row = {"n_images": n_images, "stage": stage, **asdict(cost), "output_mib": sum(map(_bytes, outputs)) / MIB}
    print(*(value if isinstance(value, str) else f"{value:,.1f}" for value in row.values()), file=sys.stderr)
    return row


def _bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if not path.is_dir():
        return path.lstat().st_size
    return sum(os.lstat(os.path.join(above, name)).st_size for above, _, names in os.walk(path) for name in names)


def _project(folder: Path, origin: Path) -> None:
    """The pipeline under DVC, with params for the images of `origin` and the small network."""
    pipeline.copy(folder, {**SETTINGS, "data.source": "directory", "data.directory": str(origin)})
    # What `dvc init --no-scm` makes.
    (folder / ".dvc" / "tmp").mkdir(parents=True)
    config = (pipeline.PROJECT / ".dvc" / "config").read_text()
    (folder / ".dvc" / "config").write_text(config.replace("[core]\n", "[core]\n    no_scm = true\n"))


def draw(folder: Path, n_images: int) -> None:
    """Write `n_images` files in Kaggle's layout below `folder`."""
    traps = dict.fromkeys(("quality_trap", "brightness_trap", "prevalence_trap"), True)
    params = PhantomParams(n_images=N_DRAWN, pixels=PHANTOM_PIXELS, opacity=1.0, duplicate_trap=False, seed=0, **traps)
    kinds: dict[tuple[str, str], list[bytes]] = {}
    for phantom in phantoms.plan(params):
        kinds.setdefault((phantom.path.split("/")[0], phantom.etiology), []).append(phantoms.encode(phantom, 1.0))
    for split in SPLITS:
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
    last: dict[str, bytes] = {}
    for i, (split, etiology, name) in enumerate(_names(n_images)):
        drawn = kinds[split, etiology]
        content = numbered(drawn[i % len(drawn)], i) if i % 100 or split != "train" else last.get(etiology, drawn[0])
        last[etiology] = content
        path = folder / split / CLASSES[etiology != "normal"] / name
        path.write_bytes(content)


def numbered(jpeg: bytes, number: int) -> bytes:
    """A JPEG file with a number in a comment (marker COM, ITU-T T.81 B.2.4.5): other bytes, the same picture."""
    comment = str(number).encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _names(n_images: int) -> Iterator[tuple[str, str, str]]:
    """Part, etiology and Kermany's file name of each image, in patients of one to many."""
    rng = np.random.default_rng(0)
    sizes = {"val": phantoms.N_VAL, "test": round(n_images * phantoms.TEST_FRACTION)}
    sizes = {"train": n_images - sum(sizes.values()), **sizes}
    number = 0
    for split, n in sizes.items():
        left = n
        while left:
            number += 1
            etiology = ("normal", "bacteria", "virus", "bacteria")[number % 4]
            n_of_patient = min(left, int(rng.geometric(1 / phantoms.MEAN_IMAGES_PER_GROUP)), phantoms.LARGEST_GROUP)
            left -= n_of_patient
            for k in range(n_of_patient):
                if etiology == "normal":
                    yield split, etiology, f"IM-{number:07d}-{k:04d}.jpeg"
                else:
                    yield split, etiology, f"person{number}_{etiology}_{k}.jpeg"
