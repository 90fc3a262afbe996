"""data/images.npy, data/split/{train,val}.csv -> models/model.keras, metrics/train.json, plots/history.csv"""

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxr import files
from cxr.machine import peak_memory_mib
from cxr.networks import checkpoint, devices, memory, network, training
from cxr.networks.backend import device, keras, resolve_precision
from cxr.networks.batches import Part
from cxr.networks.model_file import save
from cxr.networks.params import AugmentParams, ModelParams, Target, TrainParams, check_devices
from cxr.vocabulary import ETIOLOGIES
from stages import project

COMPARED = ("val_accuracy", "val_loss", "loss_gap", "seconds", "parameters")
PARTS = [Path("data/split/train.csv"), Path("data/split/val.csv")]


def main() -> None:
    model_params = project.read_params(ModelParams, "model")
    params = project.read_params(TrainParams, "train")
    augment = project.read_params(AugmentParams, "augment")
    check_devices(model_params, params)
    devices.names(params.devices)
    images = np.load("data/images.npy", mmap_mode="r")
    precision = resolve_precision(params.precision)
    why = ", which has no bfloat16 of its own" if (params.precision, precision) == ("auto", "float32") else ""
    computer = device() if params.devices == 1 else f"{params.devices} x {device()}"
    print(f"training in {precision} on {computer}{why}", file=sys.stderr)
    train, val = (_part(path, params.target) for path in PARTS)
    build = partial(
        network.build, image_size=images.shape[1], precision=precision, seed=params.seed, target=params.target
    )
    # Shapes are asked for, so no weights are to be brought.
    without_weights = replace(model_params, weights="none")
    memory.check(partial(build, without_weights), math.ceil(min(params.batch_size, len(train.rows)) / params.devices))
    with memory.one_line_when_exhausted(), devices.shared(params.devices):
        model = build(model_params)
    devices.check(model, params.devices)

    sections = {"model": asdict(model_params), "train": asdict(params), "augment": asdict(augment)}
    setting = {**sections, "precision": precision, "device": computer}
    stored = project.scratch("checkpoints") / f"{_key(setting, images, [train, val])}.npz"
    start = _resume(stored)
    history = start.history
    with memory.one_line_when_exhausted(), devices.shared(params.devices), _signal_file() as signal_file:
        for history in training.train(model, images, train, val, params, start, augment):
            files.write_csv("plots/history.csv", pd.DataFrame(history))
            signal_file.write_text(json.dumps({"pid": os.getpid(), "step": len(history) - 1}))
            with files.whole(stored) as path:
                checkpoint.write(path, history, training.variables(model))

    files.write_csv("plots/history.csv", pd.DataFrame(history))
    with files.whole("models/model.keras") as path:
        save(model, network.folded(build(model_params)), path)
    summary = training.summary(model, history, len(train.rows))
    computed_on = {"precision": precision, "device": computer, "backend": keras.backend.backend()}
    measured = {"versions": _versions(), "peak_memory_mib": peak_memory_mib()}
    project.write_details("train", summary | computed_on | measured)
    project.write_metrics("train", {key: summary[key] for key in COMPARED})
    stored.unlink(missing_ok=True)


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


def _resume(stored: Path) -> training.Progress:
    """Where an interrupted training of exactly this kind stopped, or the start."""
    if not stored.exists():
        return training.Progress()
    try:
        start = checkpoint.read(stored)
    except checkpoint.DamagedError as error:
        print(f"cannot resume: {stored} is damaged ({error}); training starts anew", file=sys.stderr)
        return training.Progress()
    print(f"resuming after epoch {len(start.history)}", file=sys.stderr)
    return start


def _part(path: Path, target: Target) -> Part:
    table = pd.read_csv(path, usecols=["row", "label", "etiology"])
    labels = table["label"] if target == "pneumonia" else table["etiology"].map(ETIOLOGIES.index)
    return Part(table["row"].to_numpy(np.int64), labels.to_numpy(np.uint8))


def _versions() -> dict[str, str]:
    """The versions of the libraries that compute: Keras, its backend, NumPy."""
    modules = ("keras", keras.backend.backend(), "numpy")
    return {name: import_module(name).__version__ for name in modules}


def _key(setting: Mapping[str, object], images: NDArray[np.uint8], parts: list[Part]) -> str:
    """A name for all that determines the result: parameters, images and labels, code, library versions."""
    digest = hashlib.sha256(repr(setting).encode())
    digest.update(f"{_versions()} {images.shape}".encode())
    for part in parts:
        digest.update(part.labels.tobytes())
        # Not the file as a whole: of the other images, those of the test part, no byte is read.
        for row in part.rows:
            digest.update(images[row].tobytes())
    code = [Path(str(module.__file__)) for name, module in sorted(sys.modules.items()) if name.startswith("cxr.")]
    for path in [*PARTS, *code, Path(__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    project.run(main)
