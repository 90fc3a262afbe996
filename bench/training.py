"""Training speed and memory of the five stacks and the reference network: every way takes turns with the others.

With KERAS_BACKEND=jax ours is that of JAX, without the notebook's way, which is TensorFlow's; a GPU is used if there is
one.
"""

import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from bench import floor
from bench.networks import is_residual, reference, runs
from bench.ways import ALL, BATCH_SIZE, LEADS, WAYS
from bench.worker import Worker
from cxr.networks import notation
from cxr.networks.backend import gpus, keras, resolve_precision

N_ROUNDS = 3
SECONDS_PER_TURN = 4.0
MIN_BATCHES, MAX_BATCHES = 3, 200
# Images of the study's training and validation parts, for the memory; fewer for the speed, which does not depend on it.
N_IMAGES_STUDY, N_IMAGES = 4684, 1024


@dataclass(frozen=True)
class Network:
    """A network in short (see bench.networks), the name of its run, and pixels of its images."""

    run: str
    layers: str
    size: int


def networks() -> list[Network]:
    """The five stacks of the study and the reference network."""
    stacks = {name: params for name, params in runs("study.yaml").items() if name.startswith("layers-")}
    return [
        Network(name, notation.in_short(params["model"]), params["images"]["size"])
        for name, params in (stacks | {"reference": reference()}).items()
    ]


def measure(
    chosen: list[Network] | None = None,
    ways: Iterable[str] = WAYS,
    seconds_per_turn: float = SECONDS_PER_TURN,
    n_images_study: int | None = None,
    machine: floor.Machine | None = None,
) -> pd.DataFrame:
    """A row per network and way that it can be trained in with Keras' backend: what stands in `_row`, and peak memory.

    The memory is that of a process with N_IMAGES_STUDY images, or `n_images_study`; with 0 it is left out, as it is on
    a GPU, whose own memory would be the question.
    """
    if n_images_study is None:
        n_images_study = 0 if gpus() else N_IMAGES_STUDY
    machine = machine or floor.measure()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for network in tqdm(chosen or networks(), desc="training", unit="network"):
            few, many = (_images(Path(folder), n, network.size) for n in (N_IMAGES, n_images_study))
            seconds = _turns(network.layers, few, _worth_trying(ways, network.layers), seconds_per_turn)
            for way in seconds:
                peak = _peak_memory(way, network.layers, many) if n_images_study else math.nan
                rows.append(_row(network, way, seconds, machine) | {"peak_memory_mib": peak})
    return pd.DataFrame(rows).assign(
        convolution_tflops=machine.flops / 1e12, bandwidth_gb_per_second=machine.bandwidth / 1e9
    )


def _row(network: Network, way: str, seconds: dict[str, float], machine: floor.Machine) -> dict[str, Any]:
    """Of seconds of a batch by way: images_per_second, ratio to the notebook's way, shares of the floor and the rate.

    share_of_rate: FLOPs of the network's products in a second, of those of the fastest convolution.
    """
    least = floor.seconds_per_batch(network.layers, network.size, machine)
    flops, _ = floor.needs(network.layers, network.size, machine.value_bytes)
    return {
        "run": network.run,
        "layers": network.layers,
        "way": way,
        "images_per_second": BATCH_SIZE / seconds[way],
        "ratio_to_notebook": seconds.get("notebook", math.nan) / seconds[way],
        "share_of_floor": least / seconds[way],
        "share_of_rate": flops / machine.flops / seconds[way],
        "floor_images_per_second": BATCH_SIZE / least,
    }


def measure_leads() -> pd.DataFrame:
    """A row per lead for two stacks: images_per_second with one thing changed, and the ratio to ours.

    Each takes turns with ours alone: all of them at once would not fit into memory.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for stack in tqdm([n for n in networks() if n.run in ("layers-2", "layers-5")], desc="leads", unit="stack"):
            images = _images(Path(folder), N_IMAGES, stack.size)
            for way in tqdm(_worth_trying(LEADS, stack.layers), desc=stack.run, unit="lead", leave=False):
                seconds = _turns(stack.layers, images, ["ours", way])
                rows.append(
                    {
                        "run": stack.run,
                        "way": way,
                        "images_per_second": BATCH_SIZE / seconds[way],
                        "ratio_to_ours": seconds["ours"] / seconds[way],
                    }
                )
    return pd.DataFrame(rows)


def _worth_trying(ways: Iterable[str], network: str) -> list[str]:
    """Those that are of this network and backend. Where the processor would emulate bfloat16 nobody trains in it."""
    return [
        way
        for way in ways
        if keras.backend.backend() in ALL[way].backends
        and not (ALL[way].is_of_stacks and is_residual(network))
        and ("bfloat16" not in way or resolve_precision("auto") == "bfloat16")
    ]


def _images(folder: Path, n: int, size: int) -> Path:
    """Noise in the form of data/images.npy: what is in the images does not change the speed."""
    path = folder / f"{n}-{size}.npy"
    if not path.exists():
        np.save(path, np.random.default_rng(0).integers(0, 256, (n, size, size), dtype=np.uint8))
    return path


def _turns(network: str, images: Path, ways: list[str], seconds_per_turn: float = SECONDS_PER_TURN) -> dict[str, float]:
    """Median seconds of a batch by way; the ways take turns, so that a change of the machine's speed meets all."""
    workers = {way: Worker(way, network, images) for way in ways}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    sizes = {
        way: int(np.clip(seconds_per_turn / np.median(worker.train(MIN_BATCHES)), MIN_BATCHES, MAX_BATCHES))
        for way, worker in workers.items()
    }
    for _ in range(N_ROUNDS):
        for way, worker in workers.items():
            seconds[way] += worker.train(sizes[way])
    for worker in workers.values():
        worker.stop()
    return {way: float(np.median(measured)) for way, measured in seconds.items()}


def _peak_memory(way: str, network: str, images: Path) -> float:
    worker = Worker(way, network, images, n_warm_up=MIN_BATCHES)
    return worker.stop()
