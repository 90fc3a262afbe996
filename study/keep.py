"""Keep finished experiments as plain files: `python -m study.keep FOLDER NAME ...`, all without names.

What `python -m study.report --kept FOLDER` needs of each run, to redraw tables and figures without training again.
"""

import argparse
from pathlib import Path

from stages import project
from study import experiments, results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m study.keep", description="Keep experiments as plain files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="experiments, or NAME@COMMIT; all that hold if none is named")
    arguments = parser.parse_args()
    for name, ref in experiments.chosen(arguments.names).items():
        results.keep(arguments.folder, name, ref)
        print(arguments.folder / name)


if __name__ == "__main__":
    project.run(main)
