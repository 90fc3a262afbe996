"""Draw saved training curves, also beside the study's own: `python -m study.curves OUT.png NAME=history.csv ...`."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import vl_convert

from cxr.errors import UserError
from stages import project

NOTEBOOK = Path("docs/reference/notebook_history.csv")
SERIES = ["training", "validation"]
COLOURS = ["#0072b2", "#d55e00"]
PIXELS_PER_UNIT = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m study.curves", description="Draw training curves side by side.")
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("histories", nargs="+", metavar="NAME=HISTORY.CSV")
    parser.add_argument("--notebook", metavar="RUN", help="also the study's own curves of this run")
    arguments = parser.parse_args()
    tables = [_read(*each.partition("=")[::2]) for each in arguments.histories]
    if arguments.notebook:
        tables.append(_read_notebook(arguments.notebook))
    with project.whole(arguments.out) as partial:
        partial.write_bytes(vl_convert.vegalite_to_png(figure(pd.concat(tables)), scale=PIXELS_PER_UNIT))


def _read(name: str, path: str) -> pd.DataFrame:
    """The curves of one run in long form: run, epoch, part, loss, accuracy."""
    try:
        return _melt(pd.read_csv(path), name)
    except (OSError, KeyError) as error:
        raise UserError(f"'{name}={path}' is no training history: {error}") from None


def _read_notebook(run: str) -> pd.DataFrame:
    history = pd.read_csv(NOTEBOOK)
    if run not in set(history["run"]):
        raise UserError(f"the study has no run '{run}'; it has {', '.join(history['run'].unique())}")
    return _melt(history[history["run"] == run], f"the study's own {run}")


def _melt(history: pd.DataFrame, name: str) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {"epoch": history["epoch"], "loss": history[prefix + "loss"], "accuracy": history[prefix + "accuracy"]}
        )
        for prefix in ("", "val_")
    ]
    return pd.concat([part.assign(part=series) for part, series in zip(parts, SERIES, strict=True)]).assign(run=name)


def figure(curves: pd.DataFrame) -> dict[str, Any]:
    """A Vega-Lite figure: a row for loss and one for accuracy, a column for each run."""
    order = curves["run"].unique().tolist()
    rows = [
        {
            "facet": {"column": {"field": "run", "sort": order, "title": None, "header": {"labelFontWeight": "bold"}}},
            "spec": {
                "width": 300,
                "height": 200,
                "mark": {"type": "line", "point": {"size": 12}},
                "encoding": {
                    "x": {"field": "epoch", "type": "quantitative"},
                    "y": {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}},
                    "color": {"field": "part", "title": None, "scale": {"domain": SERIES, "range": COLOURS}},
                    "strokeDash": {"field": "part", "title": None, "scale": {"domain": SERIES}},
                },
            },
        }
        for field, title in (("loss", "binary cross-entropy"), ("accuracy", "accuracy"))
    ]
    return {"data": {"values": curves.to_dict("records")}, "vconcat": rows, "background": "white"}


if __name__ == "__main__":
    project.run(main)
