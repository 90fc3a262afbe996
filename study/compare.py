"""Which differences are real: `python -m study.compare NAME NAME ...` compares finished experiments pair by pair.

Prints Markdown: each run and the two rows that need no network, the places of the runs, every pair with its verdict.
"""

import argparse
from pathlib import Path

from stages import project
from study import in_words, results, study_file
from study.families import families
from study.notebook import read_runs
from study.report import cells, tables


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m study.compare", description="Compare finished experiments.")
    parser.add_argument("names", nargs="*", help="experiments, or NAME@COMMIT; all that hold if none is named")
    parser.add_argument("--study", type=Path, default=Path("study.yaml"), help="study file whose margin counts")
    arguments, notebook = parser.parse_args(), read_runs()
    for family in families(results.from_experiments(arguments.names), study_file.margin(arguments.study)):
        print(f"\nTest part: {family.test_part}\n")
        print(cells.markdown(tables.performance(family, notebook)))
        for sentence in in_words.precisions(family):
            print(f"\n{sentence}")
        if family.pairs:
            print()
            print(cells.markdown(tables.ranks(family)))
            print()
            print(cells.markdown(tables.pairs(family.pairs)))
            if family.margin is not None:
                print(f"\nPractically equal: closer than {family.margin:g}, the margin of {arguments.study}.")


if __name__ == "__main__":
    project.run(main)
