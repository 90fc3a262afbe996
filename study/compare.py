"""Which differences are real: `python -m study.compare NAME NAME ...` compares finished experiments pair by pair.

Prints each run and the two rows that need no network, the places of the runs, and every pair with its verdict.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

from cxr.statistics.significance import Verdict
from stages import project
from study import experiments, in_words, results, study_file, terminal
from study.families import Family, families
from study.notebook import read_runs
from study.report import tables
from study.report.cells import Table

# Of the report's tables the columns that a terminal has room for; `make table` has the settings of the runs.
OF_RUNS = ("run", "accuracy", "auroc", "sensitivity", "specificity", "seeds")
OF_PAIRS = ("second - first", "accuracy", "p for all pairs", "verdict", "would be told by")
OF_PAIRS_IN_AUROC = ("second - first", "auroc", "p of auroc for all pairs", "verdict on auroc")
# Those whose figures stay in one line.
WHOLE = ("accuracy", "auroc", "sensitivity", "specificity")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m study.compare",
        description="Compare finished experiments pair by pair on the same test images: differences in accuracy and "
        "AUROC with 95% intervals, p, and a verdict (docs/studies.md).",
    )
    experiments.add_names(parser)
    parser.add_argument(
        "--study",
        type=Path,
        default=Path("study.yaml"),
        metavar="FILE",
        help="study file whose margin says which differences are practically none (default: study.yaml)",
    )
    arguments = parser.parse_args()
    show(families(results.from_experiments(arguments.names), study_file.margin(arguments.study)), arguments.study)


def show(compared: Iterable[Family], study: Path) -> None:
    """Print what is known of each family; `study`: the file that its margin is from."""
    console, notebook = terminal.console(), read_runs()

    def draw(table: Table, *titles: str) -> None:
        shown = table.only(*titles) if titles else table
        console.print(terminal.columns(shown.titles, [shown.texts(row) for row in shown.rows], WHOLE), "")

    for family in compared:
        console.print(f"\nTested on {family.test_part}\n")
        performance = tables.performance(family, notebook).only(*OF_RUNS)
        below = [["\n".join(lines) for _, lines in performance.lines(row)] for row in performance.rows]
        console.print(terminal.columns(performance.titles, below, WHOLE), "")
        for sentence in in_words.precisions(family):
            console.print(f"{sentence}\n", soft_wrap=True)
        if family.pairs:
            draw(tables.ranks(family))
            pairs = tables.pairs(family.pairs)
            draw(pairs, *OF_PAIRS)
            draw(pairs, *OF_PAIRS_IN_AUROC)
            for line in _legend(family, study):
                console.print(line, soft_wrap=True)


def _legend(family: Family, study: Path) -> list[str]:
    """What verdicts mean, as far as their words do not say it."""
    said = []
    if family.margin is not None:
        said.append(f"Practically equal: closer than {family.margin:g}, the margin of {study}.")
    verdicts = {one.verdict for pair in family.pairs for one in (pair.comparison.accuracy, pair.comparison.auroc)}
    if Verdict.TRAININGS in verdicts:
        said.append("These trainings differ: one run or both have a single seed, and other seeds may turn it round.")
    return said


if __name__ == "__main__":
    project.run(main)
