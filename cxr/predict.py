"""Use a trained network: `python -m cxr.predict BUNDLE IMAGE_OR_FOLDER... [--csv FILE]`, installed `cxr-predict`.

BUNDLE is what `python -m study.bundle NAME` wrote. Images are JPEG, PNG or DICOM; folders are searched, hidden ones in
them are not. Of each: path, probability of the bundle's second class, calibrated probability, decision at the bundle's
threshold, warnings. A file that cannot be read is named and the others are done; then the exit code is 1. With --labels
FILE (columns path and label, 0 or 1 or the class's name, optional patient_group or patient), or a folder in Kaggle's
layout, the metrics with 95% intervals too.

Not for clinical use.
"""

import argparse
import csv
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cxr import ending
from cxr.arguments import file_to_write, folder_to_write
from cxr.errors import UserError
from cxr.files import whole

if TYPE_CHECKING:
    # Ctrl-C while it loads, before `command` hears it, would be a traceback.
    import pandas as pd


def main() -> None:
    arguments = _arguments()
    # After the words are understood: Keras takes seconds to load.
    from cxr.inference import bundle, explain, external
    from cxr.inference.predictor import Predictor, image_files

    paths = image_files(arguments.paths)
    predictor = Predictor(bundle.read(arguments.bundle))
    description = predictor.bundle.description
    # First: that no map can be drawn, or a mistake in the labels, is told before thousands of images are predicted.
    if arguments.saliency:
        explain.feature_map(predictor.bundle.network)
    labels = external.read(arguments.labels, description.classes) if arguments.labels else None
    if description.is_of_phantoms:
        print(
            f"{arguments.bundle}: trained on synthetic phantoms, it says nothing of real radiographs", file=sys.stderr
        )
    table, problems = predictor.predict(paths)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    _write(table, arguments)
    if arguments.saliency:
        predictor.draw(table, arguments.saliency)
    labelled = external.by_folder(table, description.classes) if labels is None else external.joined(table, labels)
    if labelled is not None and len(labelled):
        print(external.told(external.measure(labelled, description), labelled), file=sys.stderr)
    if problems:
        raise UserError(f"{len(problems)} of {len(paths)} files could not be read; the others are done")


def _write(table: "pd.DataFrame", arguments: argparse.Namespace) -> None:
    """The table to the file asked for, whole, or to standard output as CSV."""
    if arguments.json:
        with whole(arguments.json) as partial:
            partial.write_text(json.dumps(table.to_dict("records"), indent=2) + "\n")
    elif arguments.csv:
        with whole(arguments.csv) as partial:
            partial.write_bytes(as_csv(table))
    else:
        sys.stdout.buffer.write(as_csv(table))


def as_csv(table: "pd.DataFrame") -> bytes:
    """A table of predictions as CSV. The name of a file is bytes; what is no text in it is written as it was read."""
    # A carriage return ends a row, but within quotes, which pandas does not set for it alone.
    has_return = any("\r" in path for path in table["path"])
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL
    text: str = table.to_csv(index=False, lineterminator="\n", quoting=quoting)
    return text.encode(errors="surrogateescape")


def _arguments() -> argparse.Namespace:
    _, description, warning = (__doc__ or "\n\n\n\n").split("\n\n")
    # Installed, it is a command of its own.
    called = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(
        prog=called if called == "cxr-predict" else "python -m cxr.predict",
        description=description,
        epilog=warning,
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the network")
    parser.add_argument("paths", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER", help="what to predict")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", type=file_to_write, metavar="FILE", help="write the table there, not to standard output")
    form.add_argument("--json", type=file_to_write, metavar="FILE", help="write it there as a JSON list of objects")
    parser.add_argument(
        "--saliency", type=folder_to_write, metavar="FOLDER", help="write a PNG for each image: where the network looks"
    )
    parser.add_argument("--labels", type=Path, metavar="FILE", help="CSV with path and label, for metrics")
    return parser.parse_args()


def command() -> None:
    """The console script `cxr-predict`: what a user can put right becomes one line and exit code 1."""
    ending.run(_in_words)


def _in_words() -> None:
    try:
        main()
    except BrokenPipeError:
        # Who reads the table has had enough of it, as `head` has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        raise UserError(f"{error.strerror}: {error.filename or 'what was to be written'}") from None


if __name__ == "__main__":
    command()
