"""How long until there is an answer: the whole study, and the reference network's way to a good validation accuracy.

The study's hours follow from the speeds that `training` has measured on each kind of machine, the reference network's
minutes from its kept trainings. What augmentation and ways to normalise add to a step of it is measured here, in turns.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from bench import floor, networks, ways
from bench.networks import PROJECT
from cxr.networks import augmentation, notation
from cxr.networks.backend import keras
from cxr.networks.batches import Batches, Change, Part
from cxr.networks.params import AugmentParams
from cxr.networks.residual import NormalisedConvolution
from cxr.params import parse
from study import results
from study.notebook import read_runs

MEASURED = PROJECT / "docs" / "results" / "bench"
KEPT = PROJECT / "docs" / "results" / "recipe" / "runs"
# Kaggle's training folder less the validation part that the split takes out of it, as every kept run had it.
N_TRAINING_IMAGES = 4185
GOOD = 0.93
N_STEPS, N_ROUNDS = 20, 5


def measure() -> pd.DataFrame:
    """A row for each question: `value` in `unit`, and what it is from."""
    return pd.DataFrame([*_studies(MEASURED), *_to_good(KEPT), *_steps()])


def _studies(measured: Path) -> list[dict[str, Any]]:
    """Hours for the eight runs of the study at 224 pixels, by kind of machine and way to train."""
    # Epochs of all runs of the same layers.
    n_epochs = read_runs().groupby("layers")["epochs"].sum()
    rows = []
    for path in sorted(measured.rglob("training.csv")):
        for way, table in pd.read_csv(path).groupby("way", sort=False):
            speeds = table.set_index("layers")["images_per_second"]
            # The reference network is none of the study's; without one of its own there is no answer.
            seconds = (N_TRAINING_IMAGES * n_epochs / speeds.reindex(n_epochs.index)).sum(skipna=False)
            what = f"the study's {len(read_runs())} runs at 224 pixels, {way}"
            rows.append(_row(what, seconds / 3600, "hours of training", path.relative_to(measured)))
    return rows


def _to_good(kept: Path) -> list[dict[str, Any]]:
    """Epochs and minutes until a kept training first reaches GOOD on its validation part."""
    rows = []
    for run in results.from_folder(kept, results.kept(kept)):
        reached = np.flatnonzero(run.history["val_accuracy"] >= GOOD)
        if not len(reached):
            continue
        n_epochs = int(reached[0]) + 1
        minutes = run.history["seconds"].iloc[:n_epochs].sum() / 60
        what = f"{run.name}, until validation accuracy {GOOD:g}"
        rows += [
            _row(what, n_epochs, "epochs", "its history"),
            _row(what, minutes, "minutes, cores shared", "its history"),
        ]
    return rows


def _steps(n_steps: int = N_STEPS, n_rounds: int = N_ROUNDS) -> list[dict[str, Any]]:
    """What augmentation and normalisation add to a step of the recipe's training, and the step beside its floor."""
    recipe = networks.reference()
    augment = parse(AugmentParams, "augment", recipe["augment"])
    network, size = notation.in_short(recipe["model"]), recipe["images"]["size"]
    model = networks.compiled(network, size)
    n, n_classes = n_steps * ways.BATCH_SIZE, model.output_shape[-1]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, size, size), dtype=np.uint8)
    part = Part(np.arange(n), rng.integers(0, n_classes, n, dtype=np.uint8))
    draws = augmentation.draw(n, seed=0, epoch=1)

    def augmented(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return augmentation.augment(images, draws[rows], augment)

    changes: dict[str, tuple[keras.Model, Change | None]] = {
        "plain": (model, None),
        "augmented": (model, augmented),
        "nothing normalised": (_with(_convolution, model, network), None),
        "batch normalisation": (_with(_batch_normalised, model, network), None),
    }
    seconds: dict[str, list[float]] = {way: [] for way in changes}
    for i in tqdm(range(n_rounds + 1), desc="steps of the recipe", unit="round"):
        for way, (changed, change) in changes.items():
            batches = Batches(images, part, np.arange(n), ways.BATCH_SIZE, n_classes=n_classes, change=change)
            seconds[way] += [_seconds(changed, batches) / n_steps] if i else []
    step = {way: float(np.median(measured)) for way, measured in seconds.items()}
    least = floor.seconds_per_batch(network, size, floor.measure())
    bare = step["nothing normalised"]
    shares = {
        "augmentation's share of it": 1 - step["plain"] / step["augmented"],
        "normalised kernels' share of the plain step": 1 - bare / step["plain"],
        "batch normalisation's share of a step with it": 1 - bare / step["batch normalisation"],
        "the floor's share of the plain step": least / step["plain"],
    }
    return [
        *(_row(f"a step of the recipe, {way}", 1000 * value, "milliseconds", "here") for way, value in step.items()),
        _row("floor of the plain step, products alone", 1000 * least, "milliseconds", "here"),
        *(_row(what, share, "share", "here") for what, share in shares.items()),
    ]


def _with(
    convolution: Callable[[NormalisedConvolution], keras.layers.Layer], model: keras.Model, network: str
) -> keras.Model:
    """`model`, which is `network`, with other convolutions in place of its own, compiled as stage `train` does it."""

    def other(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, NormalisedConvolution):
            return convolution(layer)
        return type(layer).from_config(layer.get_config())

    # A model of its own leaves the optimizer behind, which Keras would make anew and does not know.
    changed = keras.models.clone_model(keras.Model(model.input, model.output), clone_function=other)
    networks.compile_as_stage(changed, network)
    return changed


def _convolution(like: NormalisedConvolution, has_bias: bool = True) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        like.filters, like.width, like.stride, "same", use_bias=has_bias, dtype=like.dtype_policy, name=like.name
    )


def _batch_normalised(like: NormalisedConvolution) -> keras.layers.Layer:
    """A convolution without a bias, which batch normalisation has, and that."""
    convolution = _convolution(like, has_bias=False)
    return keras.Sequential(
        [convolution, keras.layers.BatchNormalization(dtype=like.dtype_policy)], name=f"{like.name}_"
    )


def _seconds(model: keras.Model, batches: Batches) -> float:
    started = time.perf_counter()
    model.fit(batches, shuffle=False, verbose=0)
    return time.perf_counter() - started


def _row(what: str, value: float, unit: str, source: object) -> dict[str, Any]:
    return {"what": what, "value": value, "unit": unit, "from": str(source)}
