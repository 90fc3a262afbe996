"""Measure and write: `python -m bench [--images FOLDER] [--out docs/results/bench] [--only training ...]`."""

import argparse
import math
from importlib import import_module
from pathlib import Path

from tabulate import tabulate

from cxr.arguments import folder_to_write
from stages import project

# What measures them. Loaded when its turn comes: a machine with a GPU need not have what all others need.
PARTS = {
    "coverage": "coverage.measure_coverage",
    "verdicts": "verdicts.measure",
    "ingest": "ingest.measure",
    "evaluation": "evaluation.measure",
    "growth": "growth.measure",
    "large": "large.measure",
    "training": "training.measure",
    "leads": "training.measure_leads",
    "answer": "answer.measure",
    "cluster": "cluster.measure",
}
OF_IMAGES = ["ingest", "cluster"]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure speed, memory, and the coverage of intervals."
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="original JPEGs for ingest; for cluster in Kaggle's layout (default: phantoms)",
    )
    parser.add_argument(
        "--out",
        type=folder_to_write,
        default="docs/results/bench",
        metavar="FOLDER",
        help="where to write a CSV for each part (default: docs/results/bench)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        default=list(PARTS),
        metavar="PART",
        help=f"only these parts, of {', '.join(PARTS)} (default: all)",
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        module, function = PARTS[name].split(".")
        measure = getattr(import_module(f"bench.{module}"), function)
        table = measure(arguments.images) if name in OF_IMAGES else measure()
        table.to_csv(arguments.out / f"{name}.csv", index=False, float_format="%.5g")
        print(f"\n{name}\n")
        cells = [[_cell(value) for value in row] for row in table.to_numpy(dtype=object)]
        print(tabulate(cells, [*map(str, table)], "github", disable_numparse=True), flush=True)


def _cell(value: object) -> str:
    """Three digits; nothing where nothing was measured."""
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    project.run(main)
