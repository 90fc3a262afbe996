"""The figures of a report as Vega-Lite specifications, each with the text that stands for it."""

import io
from dataclasses import dataclass
from typing import Any

import pandas as pd
import vl_convert
from PIL import Image
from sklearn.metrics import confusion_matrix, roc_curve

from cxr.statistics.estimate import Estimate
from cxr.statistics.metrics import calibration_bins
from cxr.vocabulary import CLASSES
from study.families import Configuration, Family
from study.report import tables

Spec = dict[str, Any]

# Okabe and Ito's colours, told apart by all; beyond them runs differ by dashes as well.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a6d00"]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]
TRAINING, VALIDATION = COLOURS[:2]
GREY = "#767676"
PNG_PIXELS_PER_UNIT = 2
PNG_COLOURS = 64
# Room for long labels where the reader's font runs wider than the one they were measured in.
PADDING = {"left": 40, "right": 10, "top": 5, "bottom": 5}


@dataclass(frozen=True)
class Figure:
    """A drawing: a name for its file, a caption, the words for who cannot see it, its Vega-Lite specification."""

    name: str
    caption: str
    alt: str
    spec: Spec

    @property
    def svg(self) -> str:
        """The drawing as SVG, without fixed size, so that it fits the page."""
        return str(vl_convert.vegalite_to_svg(self._whole()))

    @property
    def png(self) -> bytes:
        """The drawing as PNG; few colours, so that it stays small."""
        drawn = io.BytesIO(vl_convert.vegalite_to_png(self._whole(), scale=PNG_PIXELS_PER_UNIT))
        small = io.BytesIO()
        with Image.open(drawn) as image:
            image.convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        return small.getvalue()

    def _whole(self) -> Spec:
        config = {"font": "sans-serif", "axis": {"labelFontSize": 11, "titleFontSize": 12, "grid": True}}
        return {
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "background": "white",
            "config": config,
        } | (self.spec)


def curves(each: Configuration, notebook: pd.DataFrame, own_run: str | None) -> Figure:
    """Loss and accuracy by epoch of the first seed, the study's own curves (`own_run` of `notebook`) beside them."""
    parts = [_long(each.first.history, "this run")]
    if own_run is not None:
        parts.append(_long(notebook[notebook["run"] == own_run], "the notebook"))
    table = pd.concat(parts)
    encoding = {
        "x": {"field": "epoch", "type": "quantitative", "axis": {"tickMinStep": 1}},
        "color": {
            "field": "part",
            "title": None,
            "scale": {"domain": ["training", "validation"], "range": [TRAINING, VALIDATION]},
            "legend": {"orient": "bottom"},
        },
        "strokeDash": {
            "field": "whose",
            "title": None,
            "scale": {"domain": ["this run", "the notebook"], "range": [[1, 0], [3, 3]]},
            "legend": {"orient": "bottom"},
        },
    }
    rows = [
        {
            "width": 250,
            "height": 130,
            "mark": {"type": "line", "clip": True},
            "encoding": encoding | {"y": {"field": field, "type": "quantitative", "title": name, "scale": scale}},
        }
        for field, name, scale in (
            ("loss", "cross-entropy", {"domain": [0, _ceiling(table["loss"])]}),
            ("accuracy", "accuracy", {"domain": [min(0.7, _floor(table["accuracy"])), 1]}),
        )
    ]
    last = each.first.history.iloc[-1]
    return Figure(
        name=f"curves-{each.name}",
        caption=f"{each.name}: {each.setting}",
        alt=(
            f"Loss and accuracy of {each.name} by epoch, training and validation. At the last epoch: loss "
            f"{last['loss']:.3f} and {last['val_loss']:.3f}, accuracy {last['accuracy']:.3f} and "
            f"{last['val_accuracy']:.3f}." + (f" Dotted: the notebook's own {own_run}." if own_run else "")
        ),
        spec={"data": _values(table), "vconcat": rows},
    )


def _long(history: pd.DataFrame, whose: str) -> pd.DataFrame:
    """Curves as one row per epoch and part."""
    parts = [
        pd.DataFrame({"epoch": history["epoch"], "loss": history[p + "loss"], "accuracy": history[p + "accuracy"]})
        for p in ("", "val_")
    ]
    names = ("training", "validation")
    return pd.concat([part.assign(part=name) for part, name in zip(parts, names, strict=True)]).assign(whose=whose)


def _ceiling(losses: pd.Series) -> float:
    """Where to cut the axis of losses: a single wild epoch is not to flatten all others."""
    return round(float(min(losses.max(), 2 * losses.quantile(0.95))) + 0.05, 1)


def _floor(values: pd.Series) -> float:
    return round(float(values.min()) - 0.05, 1)


def roc(family: Family) -> Figure:
    """The ROC curve of every configuration's first seed."""
    tables_ = []
    for each in family.configurations:
        predictions = each.first.predictions
        false_positive_rate, sensitivity, _ = roc_curve(predictions["label"], predictions["probability"])
        points = {"run": each.name, "false_positive_rate": false_positive_rate, "sensitivity": sensitivity}
        tables_.append(pd.DataFrame(points))
    names = [each.name for each in family.configurations]
    chance = {
        "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "color": GREY, "strokeDash": [5, 4]},
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
    }
    lines = {
        "data": _values(pd.concat(tables_)),
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "false_positive_rate", "type": "quantitative", "title": "1 - specificity"},
            "y": {"field": "sensitivity", "type": "quantitative", "title": "sensitivity"},
            **_by_run(names),
        },
    }
    areas = ", ".join(f"{each.name} {each.estimates['auroc'].value:.3f}" for each in family.configurations)
    return Figure(
        name="roc",
        caption="ROC on the test part; dashed: chance",
        alt=f"ROC curves on the test part. Areas: {areas}.",
        spec={"width": 380, "height": 380, "layer": [chance, lines]},
    )


def _by_run(names: list[str]) -> Spec:
    """Runs by colour, and by dashes where the colours repeat."""
    scale = {"domain": names, "range": [COLOURS[i % len(COLOURS)] for i in range(len(names))]}
    dashes = {"domain": names, "range": [DASHES[i // len(COLOURS) % len(DASHES)] for i in range(len(names))]}
    channel = {"field": "run", "type": "nominal", "title": None}
    return {"color": channel | {"scale": scale}, "strokeDash": channel | {"scale": dashes}}


def accuracies(family: Family) -> Figure:
    """Accuracy with interval of every configuration and, below, of what needs no lungs."""
    rows = [(each.name, "network", each.estimates["accuracy"]) for each in family.configurations]
    rows += [
        (tables.SHORTCUTS.get(key, key), "no lungs seen", value["accuracy"]) for key, value in family.shortcuts.items()
    ]
    table = pd.DataFrame([{"what": name, "kind": kind, **_ends(accuracy)} for name, kind, accuracy in rows])
    best = max(family.configurations, key=lambda each: each.estimates["accuracy"].value)
    return Figure(
        name="accuracies",
        caption="Accuracy on the test part with 95% intervals: the networks, and what never sees the lungs",
        alt="; ".join(f"{name}: {accuracy.value:.3f}" for name, _, accuracy in rows)
        + f". Highest network: {best.name}.",
        spec=_intervals(table, "what", "accuracy", [row[0] for row in rows], None),
    )


def forest(family: Family) -> Figure:
    """Difference in accuracy of every pair with its interval, and whether it can be told from none."""
    rows = [
        {
            "pair": pair.title,
            "kind": str(pair.comparison.verdict),
            **_ends(pair.comparison.accuracy.estimate),
        }
        for pair in family.pairs
    ]
    table = pd.DataFrame(rows)
    n_by_kind = ", ".join(f"{n} {kind}" for kind, n in table["kind"].value_counts().items())
    return Figure(
        name="forest",
        caption="Differences in accuracy on the same test images; 95% intervals that hold for all pairs at once",
        alt=f"Forest plot of {len(table)} differences in accuracy: {n_by_kind}.",
        spec=_intervals(table, "pair", "difference in accuracy", table["pair"].tolist(), 0.0),
    )


def _ends(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _intervals(table: pd.DataFrame, field: str, name: str, order: list[str], reference: float | None) -> Spec:
    """Points with whiskers, a row each."""
    kinds = list(dict.fromkeys(table["kind"]))
    y = {"field": field, "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 260}}
    colour = {
        "field": "kind",
        "title": None,
        "scale": {"domain": kinds, "range": COLOURS[: len(kinds)]},
        "legend": {"orient": "top", "direction": "vertical", "labelLimit": 300},
    }
    shape = {
        "field": "kind",
        "title": None,
        "scale": {"domain": kinds, "range": ["circle", "diamond", "square"][: len(kinds)]},
    }
    x = {"type": "quantitative", "title": name, "scale": {"zero": False}}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y, "color": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {"x": x | {"field": "value"}, "y": y, "color": colour, "shape": shape},
        },
    ]
    if reference is not None:
        rule = {"mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]}, "encoding": {"x": {"datum": reference}}}
        layers.insert(0, rule)
    return {"data": _values(table), "width": 360, "height": {"step": 18}, "padding": PADDING, "layer": layers}


def confusion(each: Configuration) -> Figure:
    """Test images by actual and predicted class, of the first seed."""
    predictions = each.first.predictions
    is_positive = predictions["probability"] >= each.first.test["threshold"]
    counts = confusion_matrix(predictions["label"], is_positive, labels=[0, 1])
    cells = [
        {
            "actual": CLASSES[actual],
            "predicted": CLASSES[predicted],
            "n": int(counts[actual, predicted]),
            "share": float(counts[actual, predicted] / counts[actual].sum()),
        }
        for actual in (0, 1)
        for predicted in (0, 1)
    ]
    axes = {
        "x": {"field": "predicted", "type": "nominal", "sort": CLASSES, "axis": {"labelAngle": 0}},
        "y": {"field": "actual", "type": "nominal", "sort": CLASSES},
    }
    colour = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1], "scheme": "blues"}, "legend": None}
    ink = {"condition": {"test": "datum.share > 0.5", "value": "white"}, "value": "black"}
    layers = [
        {"mark": "rect", "encoding": axes | {"color": colour}},
        {
            "mark": {"type": "text", "fontSize": 14},
            "encoding": axes | {"text": {"field": "n", "type": "quantitative"}, "color": ink},
        },
    ]
    said = ", ".join(f"{cell['n']} {cell['actual']} called {cell['predicted']}" for cell in cells)
    return Figure(
        name=f"confusion-{each.name}",
        caption=each.name,
        alt=f"Confusion of {each.name}: {said}.",
        spec={"data": {"values": cells}, "width": 180, "height": 90, "layer": layers},
    )


def calibration(each: Configuration) -> Figure:
    """Observed frequency of pneumonia by predicted probability, of the first seed."""
    predictions = each.first.predictions
    bins = pd.DataFrame(calibration_bins(predictions["label"].to_numpy(), predictions["probability"].to_numpy()))
    x = {"field": "predicted", "type": "quantitative", "scale": {"domain": [0, 1]}, "title": "predicted probability"}
    y = {"field": "observed", "type": "quantitative", "scale": {"domain": [0, 1]}, "title": "observed frequency"}
    layers = [
        {
            "data": {"values": [{"predicted": 0, "observed": 0}, {"predicted": 1, "observed": 1}]},
            "mark": {"type": "line", "color": GREY, "strokeDash": [5, 4]},
            "encoding": {"x": x, "y": y},
        },
        {"mark": {"type": "line", "color": TRAINING}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "point", "filled": True, "color": TRAINING, "opacity": 1},
            "encoding": {"x": x, "y": y, "size": {"field": "n_images", "type": "quantitative", "legend": None}},
        },
    ]
    error = each.first.test["ece"]
    return Figure(
        name=f"calibration-{each.name}",
        caption=f"{each.name}: calibration error {error:.3f}",
        alt=f"Calibration of {each.name} on the test part; expected calibration error {error:.3f}.",
        spec={"data": _values(bins), "width": 180, "height": 180, "layer": layers},
    )


def side_by_side(all_families: list[Family]) -> Figure:
    """Accuracy with interval of every configuration under every protocol, and the shortcuts beside them."""
    rows = []
    for family in all_families:
        for setting, each in family.by_setting.items():
            rows.append((setting, family.test_part, each.estimates["accuracy"]))
        for key in ("majority", "thumbnail"):
            rows.append((tables.SHORTCUTS[key], family.test_part, family.shortcuts[key]["accuracy"]))
    table = pd.DataFrame([{"what": what, "part": part, **_ends(accuracy)} for what, part, accuracy in rows])
    parts = [family.test_part for family in all_families]
    legend = {"orient": "top", "direction": "vertical", "labelLimit": 400}
    by_part = {"field": "part", "title": None, "legend": legend}
    colour = by_part | {"scale": {"domain": parts, "range": COLOURS[: len(parts)]}}
    shape = by_part | {"scale": {"domain": parts}}
    y = {"field": "what", "type": "nominal", "sort": list(dict.fromkeys(table["what"])), "title": None}
    place = {"y": y | {"axis": {"labelLimit": 260}}, "yOffset": {"field": "part", "sort": parts}, "color": colour}
    x = {"type": "quantitative", "title": "accuracy", "scale": {"zero": False}}
    layers = [
        {"mark": "rule", "encoding": place | {"x": x | {"field": "low"}, "x2": {"field": "high"}}},
        {
            "mark": {"type": "point", "filled": True, "opacity": 1},
            "encoding": place | {"x": x | {"field": "value"}, "shape": shape},
        },
    ]
    return Figure(
        name="protocols",
        caption="The same networks under different ways to cut the test part; 95% intervals",
        alt="; ".join(f"{what}, {part}: {accuracy.value:.3f}" for what, part, accuracy in rows),
        spec={
            "data": _values(table),
            "width": 360,
            "height": {"step": 12 * len(parts) + 6, "for": "position"},
            "padding": PADDING,
            "layer": layers,
        },
    )


def grid(name: str, caption: str, figures: list[Figure], n_columns: int) -> Figure:
    """Several figures as one, each under its caption."""
    parts = [figure.spec | {"title": {"text": figure.caption, "fontSize": 12}} for figure in figures]
    spec = {"concat": parts, "columns": n_columns, "resolve": {"scale": {"size": "independent"}}}
    return Figure(name, caption, " ".join(figure.alt for figure in figures), spec)


def _values(table: pd.DataFrame) -> Spec:
    return {"values": table.to_dict("records")}
