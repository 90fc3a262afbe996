"""How long until there is an answer: the whole study, and the reference network's way to a good validation accuracy.

The study's hours follow from the speeds that `training` has measured on each kind of processor, the reference network's
minutes from its kept trainings. What augmentation adds to a step of it is measured here, in turns.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from bench import floor
from cxr.inference.cost import flops_per_image
from cxr.networks import augmentation, network, training
from cxr.networks.backend import keras, resolve_precision
from cxr.networks.batches import Batches, Change, Part
from cxr.networks.params import AugmentParams, ModelParams, TrainParams
from cxr.params import parse
from stages.project import read_yaml
from study import results
from study.notebook import read_runs
from study.run import grid

PROJECT = Path(__file__).parents[1]
MEASURED = PROJECT / "docs" / "results" / "bench"
KEPT = PROJECT / "docs" / "results" / "recipe" / "runs"
# Kaggle's training folder less the validation part that the split takes out of it, as every kept run had it.
N_TRAINING_IMAGES = 4185
GOOD = 0.93
N_STEPS, N_ROUNDS = 20, 5


def measure() -> pd.DataFrame:
    """A row for each question: `value` in `unit`, and what it is from."""
    return pd.DataFrame([*_studies(), *_to_good(KEPT), *_steps()])


def _studies() -> list[dict[str, Any]]:
    """Hours for the eight runs of the study at 224 pixels, by kind of processor, ours and as the notebook has it."""
    # Epochs of all runs of the same layers.
    n_epochs = read_runs().groupby("layers")["epochs"].sum()
    rows = []
    for path in sorted(MEASURED.rglob("training.csv")):
        measured = pd.read_csv(path).set_index("layers")
        for way in ("notebook", "ours"):
            speeds = measured.loc[measured["way"] == way, "images_per_second"]
            seconds = (N_TRAINING_IMAGES * n_epochs / speeds).sum()
            what = f"the study's {len(read_runs())} runs at 224 pixels, {way}"
            rows.append(_row(what, seconds / 3600, "hours of training", path.relative_to(PROJECT)))
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


def _steps() -> list[dict[str, Any]]:
    """What the recipe's augmentation adds to a training step of its network, and the step beside its floor."""
    [recipe] = [
        run
        for run in grid.load(PROJECT / "recipe.yaml", read_yaml(PROJECT / "params.yaml"), {})
        if run.name == "recipe"
    ]
    params = parse(TrainParams, "train", recipe.params["train"])
    augment = parse(AugmentParams, "augment", recipe.params["augment"])
    size = recipe.params["images"]["size"]
    model = network.build(
        parse(ModelParams, "model", recipe.params["model"]),
        size,
        precision=resolve_precision(params.precision),
        seed=params.seed,
        target=params.target,
    )
    training.compile_network(model, params.learning_rate, weight_decay=params.weight_decay, averaging=params.averaging)
    n = N_STEPS * params.batch_size
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, size, size), dtype=np.uint8)
    part = Part(np.arange(n), rng.integers(0, model.output_shape[-1], n, dtype=np.uint8))
    draws = augmentation.draw(n, seed=0, epoch=1)
    changes: dict[str, Change | None] = {
        "plain": None,
        "augmented": lambda images, rows: augmentation.augment(images, draws[rows], augment),
    }
    seconds: dict[str, list[float]] = {way: [] for way in changes}
    for i in tqdm(range(N_ROUNDS + 1), desc="steps of the recipe", unit="round"):
        for way, change in changes.items():
            batches = Batches(
                images, part, np.arange(n), params.batch_size, n_classes=model.output_shape[-1], change=change
            )
            seconds[way] += [_seconds(model, batches) / N_STEPS] if i else []
    step = {way: float(np.median(measured)) for way, measured in seconds.items()}
    machine = floor.measure()
    # The product of the forward pass once more for the inputs' gradients, and once more for the kernels'.
    least = 3 * flops_per_image(model) * params.batch_size / machine.flops
    return [
        *(_row(f"a step of the recipe, {way}", 1000 * value, "milliseconds", "here") for way, value in step.items()),
        _row("augmentation's share of it", 1 - step["plain"] / step["augmented"], "share", "here"),
        _row("floor of the plain step, products alone", 1000 * least, "milliseconds", "here"),
    ]


def _seconds(model: keras.Model, batches: Batches) -> float:
    started = time.perf_counter()
    model.fit(batches, shuffle=False, verbose=0)
    return time.perf_counter() - started


def _row(what: str, value: float, unit: str, source: object) -> dict[str, Any]:
    return {"what": what, "value": value, "unit": unit, "from": str(source)}
