"""The templates of `dvc plots`, written from the report's own charts: `python -m study.templates`.

DVC fills in the rows of the experiments and the title that dvc.yaml gives; it knows them by anchors.
"""

import argparse
import json

import altair as alt

from cxr import files
from cxr.statistics import evaluation
from stages import project
from study import facts
from study.report import charts, marks

TITLE = "<DVC_METRIC_TITLE>"


def templates() -> dict[str, str]:
    """The text of each template by its name, which dvc.yaml gives to a plot."""
    # dvc.yaml can name the source of the images, but has no words for it.
    title = alt.TitleParams(text=alt.ExprRef(f"replace('{TITLE}', 'phantom', 'synthetic phantoms')"))
    drawn: dict[str, marks.Chart] = {
        "calibration": charts.calibration(title),
        "confusion": charts.confusion(title),
        "curves": charts.curves(title),
        "performance": charts.performance(title, list(evaluation.DRAWN.values())),
        "precision_recall": charts.precision_recall(title),
        "roc": charts.roc(title),
        "shortcuts": charts.shortcuts(title, facts.SHORTCUTS),
    }
    return {name: _text(marks.template(chart)) for name, chart in drawn.items()}


def _text(spec: marks.Spec) -> str:
    """A line for each part of the specification."""
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in spec.items()) + "\n}\n"


def main() -> None:
    argparse.ArgumentParser(prog="python -m study.templates", description=__doc__).parse_args()
    for name, text in templates().items():
        with files.whole(project.home() / ".dvc" / "plots" / f"{name}.json") as partial:
            partial.write_text(text)


if __name__ == "__main__":
    project.run(main)
