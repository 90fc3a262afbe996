"""Bundle a finished experiment for use: `python -m study.bundle NAME [--out FILE]`; see cxr.predict.

The bundle holds the network, how images are prepared, the threshold and temperature, parameters, hashes of data and
split, versions, the metrics with their intervals, and how often the warning of foreign pictures is right and wrong.
"""

import argparse
import hashlib
import io
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr import files
from cxr.arguments import file_to_write
from cxr.errors import UserError
from cxr.inference import bundle, foreign
from cxr.networks.model_file import load
from cxr.vocabulary import SPLITS
from stages import project
from study import experiments, places, results
from study.commands import git
from study.stored import Stored

HASHED = ["data/manifest.csv", *(f"data/split/{name}.csv" for name in ("train", "val", "test"))]
LIBRARIES = ["keras", "numpy", "scikit-learn", "pillow"]
SECTIONS = ("images", "evaluate")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study.bundle",
        description="Write a file with the network of a finished experiment and all that cxr.predict needs.",
    )
    parser.add_argument("name", metavar="NAME", help="the experiment, NAME or NAME@COMMIT")
    parser.add_argument("--out", type=file_to_write, metavar="FILE", help="where to write it (default: NAME.keras)")
    arguments = parser.parse_args()
    out = arguments.out or file_to_write(f"{arguments.name}.keras")
    if out.suffix != ".keras":
        raise UserError(f"--out {out} does not end in .keras; Keras loads no file of another name")
    ref = experiments.chosen([arguments.name])[arguments.name]
    experiment = Stored(ref)
    with results.complete(arguments.name), tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.keras"
        experiment.copy("models/model.keras", model)
        experiment.copy("data/images.npy", Path(folder) / "images.npy")
        pixels = np.load(Path(folder) / "images.npy", mmap_mode="r")
        network = load(str(model), pixels.shape[1])
        features = foreign.Features(network)
        rows = {
            name: pd.read_csv(io.StringIO(experiment.read_text(f"data/split/{name}.csv")))["row"].to_numpy()
            for name in SPLITS
        }
        detector = foreign.fit(*(features(pixels[rows[name]]) for name in ("train", "val")))
        measured = foreign.measure(detector, features, pixels[rows["test"]], seed=0)
        description = {**describe(arguments.name, ref, experiment), "detector": measured}
        with files.whole(out) as partial:
            bundle.write(partial, model, description, detector)
    print(f"bundle: {out.resolve()}")


def describe(name: str, ref: str, experiment: Stored) -> dict[str, Any]:
    """What a bundle says of its network, see cxr.inference.bundle.KEYS."""
    result = results.from_ref(name, ref)
    return {
        "name": name,
        "commit": git("rev-parse", ref).strip(),
        "classes": result.classes,
        **{section: result.params[section] for section in SECTIONS},
        "threshold": result.test["threshold"],
        "temperature": result.test.get("temperature", 1.0),
        "params": shared(result.params),
        "hashes": {path: hashlib.sha256(experiment.read_bytes(path)).hexdigest() for path in HASHED},
        "versions": {"python": platform.python_version()} | {library: version(library) for library in LIBRARIES},
        "metrics": result.test,
        "training": result.train,
    }


def shared(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters without the way to a folder or file of this machine."""
    return params | {"data": places.last_parts(params["data"])}


if __name__ == "__main__":
    project.run(main)
