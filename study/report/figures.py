"""The figures of a report: charts of a family's runs, each with the words that stand for it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
import pandas as pd

from cxr.data.names import images_of, in_prose
from cxr.statistics import evaluation
from cxr.statistics.estimate import Estimate
from cxr.statistics.significance import Verdict
from study import facts
from study.families import Configuration, Family
from study.notebook import notebook_run
from study.report import charts, drawing
from study.report.marks import Spec, Title, of_rows
from study.side_by_side import by_label


@dataclass(frozen=True)
class Figure:
    """A drawing: a name for its file, a caption, the words for who cannot see it, its Vega-Lite specification."""

    name: str
    caption: str
    alt: str
    spec: Spec
    # Whether it answers to the pointer on the page; not where all that it knows is printed on it already.
    is_live: bool = True

    @property
    def svg(self) -> str:
        return drawing.svg(self.spec)

    @property
    def png(self) -> bytes:
        return drawing.png(self.spec)


@dataclass(frozen=True)
class Picture:
    """A picture that a stage has drawn: a name for its file, a caption, the words for who cannot see it, its PNG."""

    name: str
    caption: str
    alt: str
    png: bytes
    is_live: ClassVar[bool] = False


# Draws the first seeds of some of a family's configurations.
Draw = Callable[[Family, list[Configuration]], Figure]


def curves(family: Family, shown: list[Configuration], runs: pd.DataFrame, history: pd.DataFrame) -> Figure:
    """Loss and accuracy by epoch, beside them the study's own curves, from its `runs` and their `history`."""
    notebooks = {run.name: notebook_run(run.first, runs) for run in family.drawn}
    histories = [run.first.history.assign(rev=run.name, whose="this run") for run in family.configurations]
    for name, theirs in notebooks.items():
        if theirs is not None:
            histories.append(history[history["run"] == theirs["run"]].assign(rev=name, whose="the notebook"))
    # The axes are those of the whole family, whichever of its runs are shown.
    table = pd.concat(histories)
    drawn = table[table["rev"].isin([run.name for run in shown])]
    has_notebook = bool((drawn["whose"] == "the notebook").any())
    said = []
    for run in shown:
        last, theirs = run.first.history.iloc[-1], notebooks[run.name]
        said.append(
            f"Loss and accuracy of {run.name} by epoch, training and validation{_first_seed([run])}. "
            f"At the last epoch: loss {last['loss']:.3f} and {last['val_loss']:.3f}, "
            f"accuracy {last['accuracy']:.3f} and {last['val_accuracy']:.3f}."
            + ("" if theirs is None else f" Dotted: the notebook's own {theirs['run']}.")
        )
    return Figure(
        name=f"{family.protocol}-curves",
        caption=_caption(
            shown, "Loss and accuracy by epoch", lambda run: f"{run.name}: {run.setting}{_first_seed([run])}"
        ),
        alt=" ".join(said),
        spec=of_rows(
            charts.curves(_title(family, "Loss and accuracy", shown, "before the test on"), _ends(table), has_notebook),
            drawn,
        ),
    )


def _ends(history: pd.DataFrame) -> dict[str, list[float]]:
    """Ends of the axes of loss and accuracy; a single wild epoch is not to flatten all others."""
    losses, accuracies = (history[[name, f"val_{name}"]].to_numpy() for name in ("loss", "accuracy"))
    ceiling = min(np.nanmax(losses), 2 * np.nanquantile(losses, 0.95))
    floor = min(0.75, np.nanmin(accuracies))
    return {"loss": [0, round(float(ceiling) + 0.05, 1)], "accuracy": [round(float(floor) - 0.05, 1), 1]}


def roc(family: Family) -> Figure:
    """The ROC curve of the first seed of every configuration that is drawn."""
    # The area under the curve that is drawn, not the mean over the seeds.
    areas = ", ".join(f"{run.name} {run.measured.sampled['auroc'][0].value:.3f}" for run in family.drawn)
    seed = _first_seed(family.drawn)
    points = _of_first_seeds(family.drawn, lambda run: evaluation.roc(run.first.predictions))
    return Figure(
        name="roc",
        caption=f"ROC on the test part{seed}; dashed: chance",
        alt=f"ROC curves on the test part{seed}. Areas: {areas}.",
        spec=of_rows(charts.roc(_title(family, "ROC (dashed: chance)", family.drawn)), points),
    )


def confusion(family: Family, shown: list[Configuration]) -> Figure:
    """Test images by actual and predicted class, of the first seed."""
    classes = family.first.classes
    table = _of_first_seeds(
        shown, lambda run: evaluation.confusion(run.first.predictions, run.first.test["threshold"], classes)
    )
    counts = table.groupby(["rev", "actual", "predicted"]).size()
    said = [
        f"Confusion of {run.name}{_first_seed([run])}: "
        + ", ".join(
            f"{counts.get((run.name, actual, predicted), 0)} {actual} called {predicted}"
            for actual, predicted in product(classes, classes)
        )
        for run in shown
    ]
    return Figure(
        name=f"{family.protocol}-confusion",
        caption=_caption(shown, "Confusion on the test part", lambda run: f"{run.name}{_first_seed([run])}"),
        alt=". ".join(said) + ".",
        spec=of_rows(charts.confusion(_title(family, "Confusion", shown), classes), table),
        is_live=False,
    )


def calibration(family: Family, shown: list[Configuration]) -> Figure:
    """Observed frequency of the second class by predicted probability, of the first seed."""
    said = [
        f"Calibration of {run.name} on the test part{_first_seed([run])}; "
        f"expected calibration error {run.first.test['ece']:.3f}."
        for run in shown
    ]
    bins = _of_first_seeds(shown, lambda run: evaluation.calibration(run.first.predictions))
    return Figure(
        name=f"{family.protocol}-calibration",
        caption=_caption(shown, "Calibration on the test part", lambda run: f"{run.name}{_first_seed([run])}"),
        alt=" ".join(said),
        spec=of_rows(charts.calibration(_title(family, "Calibration (dashed: perfect)", shown)), bins),
    )


def accuracies(family: Family) -> Figure:
    """Accuracy with interval of every configuration and, below, of what needs no lungs."""
    networks, others = "network", "no lungs seen"
    rows = [(run.name, networks, run.estimates["accuracy"]) for run in family.configurations]
    rows += [(facts.SHORTCUTS.get(key, key), others, value["accuracy"]) for key, value in family.shortcuts.items()]
    best = max(family.configurations, key=lambda run: run.estimates["accuracy"].value)
    chart = charts.intervals(_title(family, "Accuracy, 95% intervals"), "accuracy", [networks, others])
    return Figure(
        name="accuracies",
        caption="Accuracy on the test part with 95% intervals: the networks, and what never sees the lungs",
        alt="; ".join(f"{name}: {accuracy.value:.3f}" for name, _, accuracy in rows)
        + f". Highest network: {best.name}.",
        spec=of_rows(chart, _intervals(rows)),
    )


def forest(family: Family) -> Figure:
    """Difference in accuracy of every drawn pair with its interval, and whether it can be told from none."""
    rows = [
        (pair.title, str(pair.comparison.accuracy.verdict), pair.comparison.accuracy.estimate)
        for pair in family.drawn_pairs
    ]
    n_by_kind = ", ".join(f"{n} {kind}" for kind, n in Counter(kind for _, kind, _ in rows).most_common())
    title = _title(family, "Differences in accuracy, 95% intervals")
    kinds = [str(verdict) for verdict in (Verdict.UNTOLD, Verdict.TRAININGS, Verdict.EQUAL, Verdict.DIFFER)]
    return Figure(
        name="forest",
        caption="Differences in accuracy on the same test images; 95% intervals; verdicts for all pairs at once",
        alt=f"Forest plot of {facts.count(len(rows), 'difference')} in accuracy: {n_by_kind}.",
        spec=of_rows(
            charts.intervals(title, "difference in accuracy", kinds, "verdict", reference=0.0), _intervals(rows)
        ),
    )


def side_by_side(all_families: list[Family]) -> Figure:
    """Accuracy with interval of every configuration under every protocol, and the shortcuts beside them."""
    rows = []
    for family, by_name in zip(all_families, by_label(all_families), strict=True):
        for name, run in by_name.items():
            rows.append((name, family.test_part, run.estimates["accuracy"]))
        for key in ("majority", "thumbnail"):
            rows.append((facts.SHORTCUTS[key], family.test_part, family.shortcuts[key]["accuracy"]))
    # The shortcuts below the networks of all families.
    rows.sort(key=lambda row: row[0] in facts.SHORTCUTS.values())
    title = Title(text="Accuracy by the way the test part is cut, 95% intervals")
    parts = [family.test_part for family in all_families]
    return Figure(
        name="protocols",
        caption="The same networks under different ways to cut the test part; 95% intervals",
        alt="; ".join(f"{what}, {part}: {accuracy.value:.3f}" for what, part, accuracy in rows),
        spec=of_rows(charts.intervals(title, "accuracy", parts, "test part", is_side_by_side=True), _intervals(rows)),
    )


def operating_points(all_families: list[Family]) -> Figure:
    """Sensitivity and specificity of every configuration on every test part."""
    rows = [
        {"what": run.name, "part": family.test_part}
        | {
            f"{name}{end}": getattr(run.estimates[name], part)
            for name in ("sensitivity", "specificity")
            for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
        }
        for family in all_families
        for run in family.configurations
    ]
    parts = [family.test_part for family in all_families]
    said = "; ".join(
        f"{row['what']} on {row['part']}: sensitivity {row['sensitivity']:.3f}, specificity {row['specificity']:.3f}"
        for row in rows
    )
    title = Title(text="Sensitivity and specificity, 95% intervals")
    negative, positive = all_families[0].first.classes
    found, called = f"{images_of(positive)} found", f"{images_of(negative)} called {in_prose(negative)}"
    return Figure(
        name="operating-points",
        caption=f"Each network at its threshold: {found}, and {called}; 95% intervals; by name in the tables below",
        alt=said + ".",
        spec=of_rows(charts.operating_points(title, parts, found, called), pd.DataFrame(rows)),
    )


def _intervals(rows: list[tuple[str, str, Estimate]]) -> pd.DataFrame:
    """The table of charts.intervals: what, its kind, an estimate with its interval."""
    table = [(what, kind, estimate.value, estimate.low, estimate.high) for what, kind, estimate in rows]
    return pd.DataFrame(table, columns=["what", "kind", "value", "low", "high"])


def _title(family: Family, what: str, first_of: list[Configuration] | None = None, where: str = "tested on") -> Title:
    """What is drawn and of which images: a figure may leave its page. `first_of`: of whose first seed it is, if so."""
    seed = ", first seed" if _first_seed(first_of or []) else ""
    return Title(text=what + seed, subtitle=f"{where} {family.test_part}")


def _caption(shown: list[Configuration], of_all: str, of_one: Callable[[Configuration], str]) -> str:
    return of_one(shown[0]) if len(shown) == 1 else f"{of_all}{_first_seed(shown)}"


def _first_seed(shown: list[Configuration]) -> str:
    """That one seed of several is drawn, where there are several: the tables' figures are the mean over them."""
    n = max((run.measured.n_seeds for run in shown), default=1)
    if n == 1:
        return ""
    return f", of the first of {n} seeds" if len(shown) == 1 else ", of the first seed of each"


def _of_first_seeds(shown: list[Configuration], table: Callable[[Configuration], pd.DataFrame]) -> pd.DataFrame:
    """A table of each run, one under the other."""
    return pd.concat([table(run).assign(rev=run.name) for run in shown])
