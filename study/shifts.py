"""How runs bear images that are not as they were: `python -m study.shifts NAME... [--out shifts.csv]`.

For each finished experiment its validation part again: as the run's own `evaluate` sees it, the middle of the images
alone, and under each of MedMNIST-C's corruptions (cxr/inference/corruptions.py). The test part is not read.
"""

import argparse
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit
from tqdm import tqdm

from cxr import files
from cxr.arguments import file_to_write
from cxr.data.images import cut, decode, read, shrink
from cxr.data.params import ImagesParams
from cxr.inference import corruptions
from cxr.params import parse
from cxr.statistics import metrics
from cxr.statistics.params import EvaluateParams
from cxr.workers import workers
from stages import project
from study import experiments, results
from study.stored import Stored

AS_IT_IS = "none"
MIDDLE = "middle"  # its strength: the percentage of width and height that is seen
PERCENTAGES = (100, 94, 88)
METRICS = ["accuracy", "auroc", "loss"]

# Images of the array `(n, size, size)` and the share of width and height that is seen, None for the run's own, to
# logits `(n,)`.
Judge = Callable[[NDArray[np.uint8], float | None], NDArray[np.float64]]


def main() -> None:
    arguments = _arguments()
    refs = experiments.chosen(arguments.names)
    tables = []
    for name, ref in refs.items():
        with results.complete(name):
            tables.append(_of_experiment(ref, arguments.strengths).assign(run=name))
    table = pd.concat(tables)[["run", "shift", "strength", *METRICS]]
    files.write_csv(arguments.out, table)
    print(table.groupby(["run", "shift"], sort=False)[METRICS].mean().round(4).to_string())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m study.shifts",
        description="Validate finished experiments again, on the middle of their validation images and under thirteen "
        "corruptions; the test part is not read.",
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="finished experiments, NAME or NAME@COMMIT")
    parser.add_argument(
        "--strengths",
        type=int,
        nargs="+",
        default=[1, 3, 5],
        choices=range(1, 6),
        metavar="N",
        help="strengths of the corruptions, from 1 to 5, the strongest (default: 1 3 5)",
    )
    parser.add_argument(
        "--out",
        type=file_to_write,
        default="shifts.csv",
        metavar="FILE",
        help="where to write accuracy, AUROC and loss of each as CSV (default: shifts.csv)",
    )
    return parser.parse_args()


def _of_experiment(ref: str, strengths: list[int]) -> pd.DataFrame:
    """METRICS of one experiment under every shift, its accuracy at probability 0.5."""
    from cxr.inference.predict import logits
    from cxr.networks.model_file import load

    experiment = Stored(ref)
    params = project.parse_yaml(experiment.read_text("params.yaml"), "params.yaml")
    seen = parse(EvaluateParams, "evaluate", params["evaluate"])
    temperature = json.loads(experiment.read_text("data/details/test.json")).get("temperature", 1.0)
    val = pd.read_csv(io.StringIO(experiment.read_text("data/split/val.csv")))
    contents = [experiment.read_bytes(f"data/raw/{path}") for path in tqdm(val["path"], desc="read", unit="image")]
    images_params = parse(ImagesParams, "images", params["images"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(experiment.read_bytes("models/model.keras"))
        model = load(str(path), images_params.size)

    def judge(images: NDArray[np.uint8], crop: float | None) -> NDArray[np.float64]:
        rows = np.arange(len(images))
        return np.asarray(logits(model, images, rows, crop=crop or seen.crop, flip=seen.flip) / temperature)

    return pd.DataFrame(measure(contents, val["label"].to_numpy(), images_params, judge, strengths))


def measure(
    contents: list[bytes], labels: NDArray[np.int64], params: ImagesParams, judge: Judge, strengths: list[int]
) -> Iterator[dict[str, Any]]:
    """Rows with shift, strength and METRICS of image files and their labels `(n,)`, first of the files as they are."""

    def row(name: str, strength: int, logits: NDArray[np.float64]) -> dict[str, Any]:
        probabilities = expit(logits)
        measured = metrics.of_probabilities(labels, probabilities) | metrics.compared(labels, probabilities, 0.5)
        return {"shift": name, "strength": strength, **{key: measured[key] for key in METRICS}}

    with workers() as pool:

        def shifted(name: str, strength: int) -> NDArray[np.uint8]:
            one = partial(_shifted, name=name, strength=strength, params=params)
            return np.stack(list(pool.map(one, contents, range(len(contents)), chunksize=32)))

        images = shifted(AS_IT_IS, 0)
        yield row(AS_IT_IS, 0, judge(images, None))
        for percentage in PERCENTAGES:
            yield row(MIDDLE, percentage, judge(images, percentage / 100))
        grid = [(name, strength) for name in corruptions.CORRUPTIONS for strength in strengths]
        for name, strength in tqdm(grid, desc="shifts"):
            yield row(name, strength, judge(shifted(name, strength), None))


def _shifted(content: bytes, seed: int, name: str, strength: int, params: ImagesParams) -> NDArray[np.uint8]:
    """One image as the network is given it, corrupted on the way at the size that the strengths are meant for."""
    options = asdict(params)
    size = options.pop("size")
    if name == AS_IT_IS:
        return decode(content, size, **options)
    grey = read(content, at_least=2 * max(size, corruptions.PIXELS)).grey
    # Stretched to a square first, it would have no sides left that `shrink` could cut.
    seen = cut(grey, params.is_square)
    small = np.asarray(seen.resize((corruptions.PIXELS,) * 2, Image.Resampling.BILINEAR))
    return shrink(Image.fromarray(corruptions.corrupt(small, name, strength, seed)), size, **options)


if __name__ == "__main__":
    project.run(main)
