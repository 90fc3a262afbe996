"""Measure and write: `python -m bench [--images FOLDER] [--out docs/results/bench] [--only training ...]`."""

import argparse
import math
from pathlib import Path

from tabulate import tabulate

from bench import answer, cluster, coverage, evaluation, growth, ingest, large, training
from stages import project

PARTS = ["coverage", "ingest", "evaluation", "growth", "large", "training", "leads", "answer", "cluster"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed and memory.")
    parser.add_argument(
        "--images",
        type=Path,
        help="original JPEGs, for cluster in Kaggle's layout; phantoms without",
    )
    parser.add_argument("--out", type=Path, default=Path("docs/results/bench"), help="where the CSV files go")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
    measures = {
        "coverage": coverage.measure_coverage,
        "ingest": lambda: ingest.measure(arguments.images),
        "evaluation": evaluation.measure,
        "growth": growth.measure,
        "large": large.measure,
        "training": training.measure,
        "leads": training.measure_leads,
        "answer": answer.measure,
        "cluster": lambda: cluster.measure(arguments.images),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        table = measures[name]()
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
