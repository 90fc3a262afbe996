"""Several runs as one network: `python -m study.ensemble [NAME ...] [--kept FOLDER] [--out FILE.json]`.

The network whose logit on a test image is the mean of theirs. Prints the figures of each run and of all together, with
95% intervals by patient; --out writes those of all together, as data/details/test.json has them of one run.
"""

import argparse
import json

from cxr.arguments import file_to_write
from cxr.errors import UserError
from cxr.files import whole
from cxr.statistics import evaluation
from cxr.statistics.comparison import Classifier
from cxr.statistics.ensemble import ensemble
from cxr.statistics.estimate import read
from stages import project
from study import experiments, results, terminal
from study.families import each_once
from study.results import Result

# Side by side all would not fit a terminal.
TABLES = (("accuracy", "auroc", "mcc", "loss", "ece"), ("sensitivity", "specificity", "balanced_accuracy"))
# They have no interval in data/details/test.json.
ALONE = ("balanced_accuracy", "mcc", "loss", "ece")
# Metrics by name, as data/details/test.json has them.
Metrics = dict[str, float | int]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study.ensemble",
        description="Measure several runs as one network, whose logit on a test image is the mean of theirs; 95% "
        "intervals cover patients.",
    )
    experiments.add_names(parser)
    results.add_kept(parser)
    parser.add_argument("--out", type=file_to_write, metavar="FILE.json", help="write its figures to this file too")
    arguments = parser.parse_args()
    if len(set(arguments.names)) < len(arguments.names):
        raise UserError("a run is named twice; it would count twice")
    names, kept = arguments.names, arguments.kept
    runs = each_once(results.from_folder(kept, names) if kept else results.from_experiments(names))
    together = measure(runs)
    if arguments.out:
        told = {"runs": [run.name for run in runs], "protocol": runs[0].test["protocol"], **together}
        with whole(arguments.out) as partial:
            partial.write_text(json.dumps(told, indent=2) + "\n")
    alone = {run.name: _metrics(run.tested, runs[0]) for run in runs}
    _show({**alone, f"the {len(runs)} as one": together}, runs[0].test_part)


def measure(runs: list[Result]) -> Metrics:
    """The metrics of the ensemble of these runs; draws of patients as for the first of them.

    Raises UserError where there are less than two, or where they were tested on different images.
    """
    if len(runs) < 2:
        raise UserError(f"an ensemble wants two runs or more, there is {runs[0].name} alone")
    if parts := sorted({run.test_part for run in runs if run.test_part != runs[0].test_part}):
        raise UserError(f"these runs were tested on different images: {'; '.join([runs[0].test_part, *parts])}")
    one = ensemble("ensemble", [run.tested for run in runs])
    return _metrics(one, runs[0])


def _metrics(classifier: Classifier, first: Result) -> Metrics:
    settings = first.params["evaluate"]
    return evaluation.measure_at(
        classifier.threshold, classifier.predictions, settings["bootstrap_samples"], settings["seed"]
    )


def _show(told: dict[str, Metrics], part: str) -> None:
    """Print the metrics by name, a table for each of TABLES."""
    console = terminal.console()
    console.print(f"Tested on {part}; 95% intervals cover patients, not trainings.")
    for names in TABLES:
        rows = [[run, *(_cell(metrics, name) for name in names)] for run, metrics in told.items()]
        console.print()
        console.print(terminal.columns(["run", *names], rows, names))


def _cell(metrics: Metrics, name: str) -> str:
    if name in ALONE:
        return f"{metrics[name]:.3f}"
    one = read(metrics, name)
    return f"{one.value:.4f} ({one.low:.3f}-{one.high:.3f})"


if __name__ == "__main__":
    project.run(main)
