"""data/images.npy, data/split/{train,val}.csv -> models/model.keras, metrics/train.json, plots/history.csv"""

import hashlib
import json
import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.machine import peak_memory_mib
from cxr.networks import network, training
from cxr.networks.backend import device, keras, resolve_precision
from cxr.networks.batches import Part
from cxr.networks.model_file import save
from cxr.networks.params import AugmentParams, ModelParams, Target, TrainParams
from cxr.vocabulary import ETIOLOGIES
from stages import project

COMPARED = ("val_accuracy", "val_loss", "loss_gap", "seconds", "parameters")
PARTS = [Path("data/split/train.csv"), Path("data/split/val.csv")]


def main() -> None:
    model_params = project.read_params(ModelParams, "model")
    params = project.read_params(TrainParams, "train")
    augment = project.read_params(AugmentParams, "augment")
    images = np.load("data/images.npy", mmap_mode="r")
    precision = resolve_precision(params.precision)
    why = ", which has no bfloat16 of its own" if (params.precision, precision) == ("auto", "float32") else ""
    computer = device()
    print(f"training in {precision} on {computer}{why}", file=sys.stderr)
    build = partial(
        network.build, model_params, images.shape[1], precision=precision, seed=params.seed, target=params.target
    )
    model = build()
    train, val = (_part(path, params.target) for path in PARTS)

    sections = {"model": asdict(model_params), "train": asdict(params), "augment": asdict(augment)}
    setting = {**sections, "precision": precision, "device": computer}
    checkpoint = project.scratch("checkpoints") / f"{_key(setting)}.pickle"
    start = _resume(checkpoint)
    history = start.history
    with _signal_file() as signal_file:
        for history in training.train(model, images, train, val, params, start, augment):
            project.write_csv("plots/history.csv", pd.DataFrame(history))
            signal_file.write_text(json.dumps({"pid": os.getpid(), "step": len(history) - 1}))
            with project.whole(checkpoint) as path, path.open("wb") as file:
                # One object after the other: all variables together are three times the weights.
                for each in chain([history], training.variables(model)):
                    pickle.dump(each, file, protocol=pickle.HIGHEST_PROTOCOL)

    project.write_csv("plots/history.csv", pd.DataFrame(history))
    with project.whole("models/model.keras") as path:
        save(model, network.folded(build()), path)
    figures = training.summary(model, history, len(train.rows))
    computed_on = {"precision": precision, "device": computer, "backend": keras.backend.backend()}
    project.write_details("train", figures | computed_on | {"peak_memory_mib": peak_memory_mib()})
    project.write_metrics("train", {key: figures[key] for key in COMPARED})
    checkpoint.unlink(missing_ok=True)


@contextmanager
def _signal_file() -> Iterator[Path]:
    """The file that DVC's extension for VS Code watches: written, it draws the curves anew, those of queued runs too.

    DVCLive's, with its process and its finished step from 0. It lies in the project's own folder; the curves are read
    where the run is, in its temporary copy. It goes when training ends, well or not.
    """
    path = project.home() / ".dvc" / "tmp" / "exps" / "run" / "DVCLIVE_STEP_COMPLETED"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _resume(checkpoint: Path) -> training.Progress:
    """Where an interrupted training of exactly this kind stopped, or the start."""
    if not checkpoint.exists():
        return training.Progress()
    content = _objects(checkpoint)
    history = next(content)
    print(f"resuming after epoch {len(history)}", file=sys.stderr)
    return training.Progress(history, content)


def _objects(path: Path) -> Iterator[Any]:
    """The pickled objects of a file, one at a time."""
    with path.open("rb") as file, suppress(EOFError):
        while True:
            yield pickle.load(file)


def _part(path: Path, target: Target) -> Part:
    table = pd.read_csv(path)
    labels = table["label"] if target == "pneumonia" else table["etiology"].map(ETIOLOGIES.index)
    return Part(table["row"].to_numpy(np.int64), labels.to_numpy(np.uint8))


def _key(setting: Mapping[str, object]) -> str:
    """A name for all that determines the result: parameters, data, code, library versions."""
    digest = hashlib.sha256(repr(setting).encode())
    backend = keras.backend.backend()
    digest.update(f"{backend} {keras.__version__} {version('numpy')}".encode())
    code = [Path(str(module.__file__)) for name, module in sorted(sys.modules.items()) if name.startswith("cxr.")]
    for path in [*PARTS, Path("data/images.npy"), *code, Path(__file__)]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    project.run(main)
