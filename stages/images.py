"""data/raw, data/manifest.csv -> data/images.npy"""

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from cxr import files
from cxr.data.images import UnusableFileError, decode
from cxr.data.params import ImagesParams
from cxr.errors import UserError
from cxr.workers import blocks, in_order, workers
from stages import project

RAW = Path("data/raw")
N_PER_TASK = 16


def main() -> None:
    params = project.read_params(ImagesParams, "images")
    paths = pd.read_csv("data/manifest.csv", usecols=["path"])["path"].tolist()
    with files.whole("data/images.npy") as array_path, workers() as pool:
        shape = (len(paths), params.size, params.size)
        np.lib.format.open_memmap(array_path, mode="w+", dtype=np.uint8, shape=shape).flush()
        _reserve(array_path)
        tasks = blocks(enumerate(paths), N_PER_TASK)
        with tqdm(total=len(paths), desc="images", unit="image") as bar:
            for n_done in in_order(pool, partial(_fill, array_path, params), tasks):
                bar.update(n_done)


def _reserve(path: Path) -> None:
    """Give a sparse file its blocks now: on a full disk, writing through the map later would kill the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _fill(array_path: Path, params: ImagesParams, task: list[tuple[int, str]]) -> int:
    """Decode a few images into their rows of the array; each worker holds no more than these."""
    array = np.lib.format.open_memmap(array_path, mode="r+")
    for row, path in task:
        try:
            array[row] = decode((RAW / path).read_bytes(), **asdict(params))
        except UnusableFileError as error:
            raise UserError(f"{RAW / path}: {error}") from None
    return len(task)


if __name__ == "__main__":
    project.run(main)
