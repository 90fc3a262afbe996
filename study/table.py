"""The comparison in a terminal: `python -m study.table [NAME ...]`, one row for each finished experiment.

It has what `dvc exp show` has not, intervals and what needs no lungs, fits 100 columns and never waits in a pager.
"""

import argparse
from collections.abc import Iterable
from itertools import groupby

from rich.table import Table

from stages import project
from study import experiments, results, terminal
from study.results import Result


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study.table",
        description="Show finished experiments as a table: accuracy on the test part with its 95% interval, what the "
        "best classifier without lungs reaches, AUROC, sensitivity, specificity.",
    )
    experiments.add_names(parser)
    show(results.from_experiments(parser.parse_args().names))


def show(found: Iterable[Result]) -> None:
    """Print a table for each test part, its rows by name."""
    console = terminal.console()
    order = sorted(found, key=lambda result: (result.test_part, result.name))
    for part, members in groupby(order, key=lambda result: result.test_part):
        console.print(f"\nTested on {part}\n")
        console.print(_table(members))


def _table(members: Iterable[Result]) -> Table:
    """Names and layers that are too long go on in the next line; figures never do."""
    table = terminal.frame()
    for name in ("run", "layers"):
        table.add_column(name, overflow="fold")
    table.add_column("rate", no_wrap=True)
    table.add_column("accuracy, 95%", no_wrap=True)
    table.add_column("best without lungs", max_width=7)
    for name in ("AUROC", "sens.", "spec."):
        table.add_column(name, no_wrap=True)
    for result in members:
        test = result.test
        table.add_row(
            result.name,
            result.layers,
            result.rate,
            "{accuracy:.3f} ({accuracy_low:.3f}-{accuracy_high:.3f})".format(**test),
            f"{result.best_without_lungs[1].value:.3f}",
            *(f"{test[key]:.3f}" for key in ("auroc", "sensitivity", "specificity")),
        )
    return table


if __name__ == "__main__":
    project.run(main)
