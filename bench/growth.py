"""How cost grows with the number of images and with their size, on phantoms."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import pipeline
from bench.ways import BATCH_SIZE
from bench.worker import Worker

N_IMAGES = [250, 1000, 4000]
SIZES = [64, 112, 160, 224]
LAYERS = "C-P-C-P-C-P-C-P-F-D-D"
PHANTOMS = {"data.source": "phantom", "phantom.pixels": 256}
N_BATCHES = 12
STAGES = ["download", "manifest", "images", "split", "audit"]


def measure() -> pd.DataFrame:
    """Seconds of each stage before training for 1x, 4x, 16x the images; of a training image by size and number."""
    return pd.DataFrame([*_stages(), *_training()])


def _stages() -> list[dict[str, Any]]:
    rows = []
    for n in N_IMAGES:
        with tempfile.TemporaryDirectory() as scratch:
            pipeline.copy(Path(scratch), PHANTOMS | {"phantom.n_images": n})
            for stage in STAGES:
                started = time.perf_counter()
                command = [sys.executable, "-m", f"stages.{stage}"]
                subprocess.run(command, cwd=scratch, check=True, capture_output=True)
                rows.append({"what": stage, "n_images": n, "seconds": time.perf_counter() - started})
    return rows


def _training() -> list[dict[str, Any]]:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for size, n in [*((size, 1000) for size in SIZES), *((112, n) for n in N_IMAGES if n != 1000)]:
            path = Path(scratch) / "images.npy"
            np.save(path, np.random.default_rng(0).integers(0, 256, (n, size, size), dtype=np.uint8))
            worker = Worker("ours", LAYERS, path)
            seconds = float(np.median(worker.train(N_BATCHES))) / BATCH_SIZE
            rows.append(
                {
                    "what": f"train, {size} px",
                    "n_images": n,
                    "seconds": seconds,
                    "peak_memory_mib": worker.stop(),
                }
            )
    return rows
