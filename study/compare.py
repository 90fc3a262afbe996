"""Which differences are real: `python -m study.compare NAME NAME ...` compares finished experiments pair by pair.

Prints Markdown: each run and the two rows that need no network, then every pair with paired tests.
"""

import argparse
import io
import json
import math
from itertools import combinations
from typing import Any

import dvc.api
import pandas as pd

from cxr.comparison import Classifier, holm, paired
from cxr.errors import UserError
from stages import project
from study import experiments
from study.commands import git

SHORTCUTS = {"majority": "majority class", "metadata": "metadata alone, no image"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m study.compare", description="Compare finished experiments.")
    parser.add_argument("names", nargs="*", help="experiments; all of the present commit if none is named")
    names = parser.parse_args().names
    refs = experiments.finished()
    if unknown := set(names) - set(refs):
        raise UserError(f"no finished experiment from this commit is called {', '.join(sorted(unknown))}")
    chosen = {name: refs[name] for name in names or sorted(refs)}
    if not chosen:
        raise UserError("there is no finished experiment from this commit; run some, for instance with make study")
    runs = {name: _read(name, ref) for name, ref in chosen.items()}
    print(_overview(runs))
    if len(runs) > 1:
        print()
        print(_pairs(runs))


def _read(name: str, ref: str) -> dict[str, Any]:
    """What the comparison needs of an experiment: its metrics, its bootstrap's settings, its predictions."""
    metrics = {key: json.loads(git("show", f"{ref}:metrics/{key}.json")) for key in ("test", "data", "shortcuts")}
    table = dvc.api.read("data/predictions/test.csv", rev=git("rev-parse", ref).strip())
    tested = Classifier(name, pd.read_csv(io.StringIO(table)), metrics["test"]["threshold"])
    settings = project.parse_yaml(git("show", f"{ref}:params.yaml"))["evaluate"]
    return {**metrics, "tested": tested, "settings": settings}


def _overview(runs: dict[str, dict[str, Any]]) -> str:
    """A row for each run; then, for each test part among them, what the majority and the metadata reach on it."""
    rows = [{"run": name, **_figures(run["test"]), "test part": _test_part(run)} for name, run in runs.items()]
    shortcuts = {
        (title, _test_part(run)): {"run": f"*{title}*", **_figures(run["shortcuts"][key]), "test part": _test_part(run)}
        for run in runs.values()
        for key, title in SHORTCUTS.items()
    }
    return _markdown([*rows, *shortcuts.values()])


def _test_part(run: dict[str, Any]) -> str:
    return f"{run['test']['protocol']}, {run['test']['n_images']} {run['data']['images']} images"


def _figures(metrics: dict[str, Any]) -> dict[str, str]:
    return {key: _with_interval(metrics, key, ".3f") for key in ("accuracy", "auroc")}


def _pairs(runs: dict[str, dict[str, Any]]) -> str:
    """A row for each pair; the p-values adjusted for the number of pairs."""
    rows: list[dict[str, Any]] = []
    for (first, one), (second, two) in combinations(runs.items(), 2):
        settings = one["settings"]
        figures = paired(one["tested"], two["tested"], settings["bootstrap_samples"], settings["seed"])
        rows.append({"first": first, "second": second, **figures})
    adjusted = holm([row["p_mcnemar"] for row in rows])
    return _markdown(
        [
            {
                "second - first": f"{row['second']} - {row['first']}",
                "accuracy": _with_interval(row, "accuracy_difference", "+.3f"),
                "auroc": _with_interval(row, "auroc_difference", "+.3f"),
                "only first / second right": f"{row['n_only_first_right']} / {row['n_only_second_right']}",
                "McNemar p": f"{row['p_mcnemar']:.2g}",
                "p (Holm)": f"{p:.2g}",
                "images needed": "-" if math.isnan(row["n_images_needed"]) else f"{row['n_images_needed']:,.0f}",
            }
            for row, p in zip(rows, adjusted, strict=True)
        ]
    )


def _with_interval(figures: dict[str, Any], key: str, form: str) -> str:
    value, low, high = (format(figures[name], form) for name in (key, f"{key}_low", f"{key}_high"))
    return f"{value} ({low} to {high})"


def _markdown(rows: list[dict[str, str]]) -> str:
    """Rows as a Markdown table with padded columns."""
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


if __name__ == "__main__":
    project.run(main)
