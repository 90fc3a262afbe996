"""The report of finished runs: `python -m study.report [NAME ...] [--study study.yaml] [--kept FOLDER] [--out report]`.

Reads experiments by name, of a study, or all that hold (or, with --kept, what `python -m study.keep` wrote)
and writes one self-contained page, the same in Markdown with its figures as PNG, and the numbers as CSV.
"""

import argparse
from pathlib import Path

from cxr.arguments import Once, folder_to_write
from stages import project
from study import experiments, notebook, results, study_file
from study.families import families
from study.report import records
from study.report.chapters import compose
from study.report.pages import write

# Its margin counts where no other study is named.
STUDY = Path("study.yaml")


def main(words: list[str] | None = None) -> None:
    """Write the report that these words, or those of the command line, ask for."""
    arguments = _arguments(words)
    available = results.kept(arguments.kept) if arguments.kept else sorted(experiments.finished())
    names = [*arguments.names, *(study_file.runs(arguments.study, available) if arguments.study else [])]
    found = results.from_folder(arguments.kept, names) if arguments.kept else results.from_experiments(names)
    runs, history = notebook.read_runs(), notebook.read_history()
    ordered = families(found, study_file.margin(arguments.study or STUDY))
    numbers = {
        "results.csv": records.configurations(ordered, runs),
        "pairs.csv": records.pairs(ordered),
    }
    written = write(arguments.out, compose(ordered, runs, history), numbers)
    print(f"report: {written.resolve()}")


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m study.report",
        description="Write the report of finished runs: one page that opens without internet, the same as Markdown, "
        "and the numbers as CSV.",
    )
    experiments.add_names(parser)
    parser.add_argument(
        "--study",
        type=Path,
        action=Once,
        metavar="FILE",
        help="take the finished runs of this study file, labelled ones included, and its margin",
    )
    results.add_kept(parser)
    parser.add_argument(
        "--out", type=folder_to_write, default="report", metavar="FOLDER", help="where to write it (default: report)"
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    project.run(main)
