"""Results as a finished run leaves them, with known figures."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.sources import kaggle
from study.results import SETTINGS, Result

N_IMAGES = 600
# What data/details/split.json says of a test part that has patients in common with the others, and of one that has not.
SHARED = {"n_images_of_shared_groups": 100, "shared_groups": {"train": 40, "val": 12}, "shared_copies": {"train": 3}}
APART = {"n_images_of_shared_groups": 0, "shared_groups": {"train": 0, "val": 0}, "shared_copies": {"train": 0}}

# What the stage explain says of a run, in data/details/explain.json.
EXPLAINED = {
    "share_in_lungs": {"all": 0.4, "called_pneumonia": 0.5, "chance": 0.33},
    "probability_drop": {"lungs": 0.25, "frame": None},
    "agreement_random": 0.01,
    "foreign": {"n_images": 600, "n_foreign": 256, "false_alarms": 0.0125, "hits": {"noise": 1.0}},
    "pictures": {"samples": "Drawn at random. train, NORMAL: one.jpeg, 40 x 30.", "saliency": "Grad-CAM."},
}


def predictions(accuracy: float, seed: int, n: int = N_IMAGES) -> pd.DataFrame:
    """Labels of two images per patient, called rightly with probability `accuracy`, errors by `seed`."""
    labels = np.random.default_rng(0).integers(0, 2, n)
    rng = np.random.default_rng([seed, 1])
    right = rng.permutation(n) < round(accuracy * n)
    sure = 0.5 + 0.5 * rng.random(n)
    columns = {"path": [f"{i:04d}.jpeg" for i in range(n)], "patient_group": [f"p{i // 2}" for i in range(n)]}
    probability = np.where(right == (labels == 1), sure, 1 - sure)
    return pd.DataFrame({**columns, "label": labels, "probability": probability})


def result(
    name: str,
    layers: str = "C-P-F-D",
    learning_rate: float = 1e-4,
    *,
    accuracy: float = 0.9,
    protocol: str = "official",
    seed: int = 0,
    size: int = 224,
    images: str = "real",
    classes: Sequence[str] = ("NORMAL", "PNEUMONIA"),
    patients: str = "file names",
    **train: Any,
) -> Result:
    """A run with `accuracy` on its test part; `train` are figures of data/details/train.json."""
    epochs = np.arange(1, 6)
    history = pd.DataFrame({"epoch": epochs, "loss": 1 / epochs, "accuracy": 1 - 0.5 / epochs, "seconds": 1.0})
    history = history.assign(val_loss=1.1 / epochs, val_accuracy=0.9 - 0.4 / epochs)
    table = predictions(accuracy, seed=abs(hash_of(name)))
    interval = {f"{key}{end}": 0.7 for key in ("accuracy", "auroc") for end in ("", "_low", "_high")}
    return Result(
        name=name,
        params={
            "data": {"source": "directory", "directory": "images", **SETTINGS["data"]},
            "images": {**SETTINGS["images"], "size": size},
            "split": {"protocol": protocol, "seed": 0},
            "model": {**SETTINGS["model"], "layers": layers},
            "train": {**SETTINGS["train"], "learning_rate": learning_rate, "seed": seed, "epochs": 5},
            "augment": SETTINGS["augment"],
            "evaluate": {**SETTINGS["evaluate"], "threshold": 0.5, "bootstrap_samples": 200, "seed": 0},
        },
        train={
            **{"parameters": 100, "flops_per_image": 2_000_000, "seconds": 10.0, "images_per_second": 50.0},
            **{"loss_gap": 0.1, "best_epoch": 4, "loss_gap_best": 0.1, "val_loss_rises_from": None},
            **{
                "val_loss_rise": 0.0,
                "val_loss_jitter": 0.01,
                "loss": 0.2,
                "val_loss": 0.3,
                "val_accuracy": 0.9,
                "peak_memory_mib": 900.0,
            },
            **{"precision": "float32", "device": "cpu (test)"},
            **train,
        },
        test={
            "protocol": protocol,
            "n_images": len(table),
            "n_groups": 300,
            "loss": 0.4,
            "ece": 0.05,
            "threshold": 0.5,
        },
        data={"images": images, "classes": classes, "patients": patients},
        split={"protocol": protocol, "test": {"n_groups": 300, **(SHARED if protocol == "pooled" else APART)}},
        shortcuts={"protocol": protocol, **dict.fromkeys(("majority", "metadata", "border", "thumbnail"), interval)},
        history=history,
        predictions=table,
    )


def of_the_study(one: Result) -> Result:
    """The same, on the study's own images."""
    return replace(one, data=one.data | {"counts": kaggle.SOURCE.counts})


def hash_of(name: str) -> int:
    """A number of a name, the same in every process."""
    return sum(ord(letter) * 31**i for i, letter in enumerate(name)) % 10_000


def save(folder: Path, one: Result) -> None:
    """Write a result as `study.keep` does."""
    target = folder / one.name
    target.mkdir(parents=True)
    # JSON is YAML.
    (target / "params.yaml").write_text(json.dumps(one.params))
    for key in ("train", "test", "data", "split", "shortcuts"):
        (target / f"{key}.json").write_text(json.dumps(getattr(one, key)))
    one.history.to_csv(target / "history.csv", index=False)
    one.predictions.to_csv(target / "predictions.csv", index=False)
