"""Training speed and memory of the five stacks: every way takes turns with the others, on the same images."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from bench import floor
from bench.ways import BATCH_SIZE, LEADS, WAYS
from bench.worker import Worker
from cxr.networks.backend import resolve_precision
from study.notebook import read_runs

SIZE = 224
N_ROUNDS = 3
SECONDS_PER_TURN = 4.0
MIN_BATCHES, MAX_BATCHES = 3, 20
# Images of the study's training and validation parts, for the memory; fewer for the speed, which does not depend on it.
N_IMAGES_STUDY, N_IMAGES = 4684, 1024


def measure() -> pd.DataFrame:
    """A row per stack and way: images_per_second, ratio to the notebook's way, share of the floor, peak memory."""
    stacks = read_runs().query("run.str.startswith('layers-')")
    machine = floor.measure()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        few, many = (_images(Path(folder), n) for n in (N_IMAGES, N_IMAGES_STUDY))
        for stack in tqdm(list(stacks.itertuples()), desc="training", unit="stack"):
            seconds = _turns(str(stack.layers), few, _worth_trying(WAYS))
            least = floor.seconds_per_batch(str(stack.layers), SIZE, machine)
            for way, per_batch in seconds.items():
                rows.append(
                    {
                        "run": stack.run,
                        "layers": stack.layers,
                        "way": way,
                        "images_per_second": BATCH_SIZE / per_batch,
                        "ratio_to_notebook": seconds["notebook"] / per_batch,
                        "share_of_floor": least / per_batch,
                        "floor_images_per_second": BATCH_SIZE / least,
                        "peak_memory_mib": _peak_memory(way, str(stack.layers), many),
                    }
                )
    return pd.DataFrame(rows).assign(
        convolution_tflops=machine.flops / 1e12, bandwidth_gb_per_second=machine.bandwidth / 1e9
    )


def measure_leads() -> pd.DataFrame:
    """A row per lead for two stacks: images_per_second with one thing changed, and the ratio to ours.

    Each takes turns with ours alone: all of them at once would not fit into memory.
    """
    stacks = read_runs().query("run in ['layers-2', 'layers-5']")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        images = _images(Path(folder), N_IMAGES)
        for stack in tqdm(list(stacks.itertuples()), desc="leads", unit="stack"):
            for way in tqdm(_worth_trying(LEADS), desc=str(stack.run), unit="lead", leave=False):
                seconds = _turns(str(stack.layers), images, ["ours", way])
                rows.append(
                    {
                        "run": stack.run,
                        "way": way,
                        "images_per_second": BATCH_SIZE / seconds[way],
                        "ratio_to_ours": seconds["ours"] / seconds[way],
                    }
                )
    return pd.DataFrame(rows)


def _worth_trying(ways: Iterable[str]) -> list[str]:
    """Where the processor would emulate bfloat16 nobody trains in it."""
    return [way for way in ways if "bfloat16" not in way or resolve_precision("auto") == "bfloat16"]


def _images(folder: Path, n: int) -> Path:
    """Noise in the form of data/images.npy: what is in the images does not change the speed."""
    path = folder / f"{n}.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (n, SIZE, SIZE), dtype=np.uint8))
    return path


def _turns(layers: str, images: Path, ways: list[str]) -> dict[str, float]:
    """Median seconds of a batch by way; the ways take turns, so that a change of the machine's speed meets all."""
    workers = {way: Worker(way, layers, images) for way in ways}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    sizes = {
        way: int(np.clip(SECONDS_PER_TURN / np.median(worker.train(MIN_BATCHES)), MIN_BATCHES, MAX_BATCHES))
        for way, worker in workers.items()
    }
    for _ in range(N_ROUNDS):
        for way, worker in workers.items():
            seconds[way] += worker.train(sizes[way])
    for worker in workers.values():
        worker.stop()
    return {way: float(np.median(measured)) for way, measured in seconds.items()}


def _peak_memory(way: str, layers: str, images: Path) -> float:
    worker = Worker(way, layers, images, n_warm_up=MIN_BATCHES)
    return worker.stop()
