"""The pictures, each one function of a table. The report draws them; DVC draws them through study.templates.

Rows have the columns of the plot files that the stages write, and `rev`, DVC's name for the experiment of a row. DVC
hands out every value as text, so each chart says which fields are numbers. With a single `rev` a picture is one panel.
What answers to the pointer says of itself what a reader would ask, and nothing else: see `_told`.
"""

import json
from functools import partial
from itertools import chain
from typing import Any

import altair as alt
import pandas as pd

Spec = dict[str, Any]
Title = alt.TitleParams
Chart = alt.LayerChart | alt.FacetChart | alt.VConcatChart

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
# Okabe and Ito's colours, told apart by all; beyond them runs differ by dashes as well.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a6d00"]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]
GREY = "#767676"
FONT = "sans-serif"
N_COLUMNS = 4
# The place of the rows in a chart, and the name by which DVC knows it.
ROWS = "<DVC_METRIC_DATA>"
CONFIG = {
    "background": "white",
    "font": FONT,
    "axis": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "labelLimit": 0},
    # Labels stand under their ticks, few enough not to touch.
    "axisQuantitative": {"tickCount": 5, "labelFlush": False},
    "header": {"labelFontSize": 12, "labelFontWeight": "bold", "title": None},
    # What a screen reader says of a mark; of a line it would say its first point, of a rule its first end.
    "tooltipFormat": {"numberFormat": ".3~f"},
    "line": {"aria": False, "strokeJoin": "round"},
    "rule": {"aria": False},
    "legend": {"labelFontSize": 11, "labelLimit": 0, "title": None},
    "title": {
        "anchor": "start",
        "frame": "bounds",
        "fontSize": 13,
        "subtitleFontSize": 11,
        "subtitleColor": "#555",
        "offset": 10,
    },
}

RUN = alt.Facet("rev:N", sort=None)
# The name of one of `runs` runs that are drawn as one.
AND_MORE = "datum.runs > 1 ? datum.rev + ' and ' + (datum.runs - 1) + ' more' : datum.rev"


def template(chart: Chart) -> Spec:
    """The chart as Vega-Lite, in the look that all pictures share, without its rows."""
    with alt.data_transformers.enable("default", consolidate_datasets=False):
        return {**chart.to_dict(), "$schema": SCHEMA, "config": CONFIG}


def of_rows(chart: Chart, table: pd.DataFrame) -> Spec:
    """The chart of a table as Vega-Lite, filled in as DVC does."""
    spec = template(chart)
    # By way of JSON, which has null for what is not a number.
    return {**spec, "data": {**spec["data"], "values": json.loads(table.to_json(orient="records"))}}


def curves(title: Title, domains: dict[str, list[float]] | None = None, has_notebook: bool = False) -> alt.VConcatChart:
    """Loss and accuracy of training and validation by epoch, a panel for each run; `domains`: ends of the two y axes.

    With `has_notebook`, a field `whose` tells this run's curves from the notebook's.
    """
    data = _data("epoch", "loss", "val_loss", "accuracy", "val_accuracy")
    return alt.vconcat(
        *(
            _curve(data, measure, name, (domains or {}).get(measure), has_notebook)
            for measure, name in (("loss", "cross-entropy, nats"), ("accuracy", "accuracy"))
        ),
        title=title,
    )


def _curve(
    data: alt.InlineData, measure: str, name: str, domain: list[float] | None, has_notebook: bool
) -> alt.FacetChart:
    legend = alt.Legend(orient="bottom", symbolType="stroke")
    whose = [_word("whose", "of")] if has_notebook else []
    drawn = (
        alt.Chart(width=220, height=130)
        # With dots, since a single epoch has no line.
        .mark_line(clip=True, strokeWidth=1.5, point=alt.OverlayMarkDef(size=5))
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:Q", title=name, scale=alt.Scale(domain=domain) if domain else alt.Scale(zero=False)),
            color=alt.Color("part:N", sort=None, scale=alt.Scale(range=COLOURS[:2]), legend=legend),
            tooltip=_told(
                "rev", *whose, _word("part", "curve"), _number("epoch", "d"), _number("value", title=measure)
            ),
        )
    )
    if has_notebook:
        drawn = drawn.encode(
            strokeDash=alt.StrokeDash("whose:N", sort=None, scale=alt.Scale(range=[[1, 0], [3, 3]]), legend=legend)
        )
    return (
        _panels(drawn, data)
        .transform_calculate(training=f"datum.{measure}", validation=f"datum.val_{measure}")
        .transform_fold(["training", "validation"], as_=["part", "value"])
    )


def roc(title: Title) -> alt.LayerChart:
    """Sensitivity by 1 - specificity of every run; dashed: chance."""
    lines = _line_by_run(alt.SortField("false_positive_rate"), alt.SortField("sensitivity")).encode(
        x=alt.X("false_positive_rate:Q", title="1 - specificity", scale=_share()),
        y=alt.Y("sensitivity:Q", title="sensitivity", scale=_share()),
        tooltip=_told(
            "rev",
            _number("sensitivity"),
            _number("false_positive_rate", title="1 - specificity"),
            _number("threshold", ".3g"),
        ),
    )
    data = _data("false_positive_rate", "sensitivity", "threshold")
    return _square(_diagonal(), lines, data=data, title=title)


def precision_recall(title: Title) -> alt.LayerChart:
    """Precision by recall of every run; dashed: chance, a line for each prevalence among the test parts."""
    chance = (
        alt.Chart()
        .mark_rule(color=GREY, strokeDash=[5, 4])
        .encode(y="prevalence:Q", tooltip=_told("of", _number("prevalence", title="precision of chance")))
        .transform_aggregate(runs="distinct(rev)", rev="min(rev)", groupby=["prevalence"])
        .transform_calculate(of=AND_MORE)
    )
    # Where a lower threshold adds false positives alone, the recall stays and the precision falls.
    lines = _line_by_run(alt.SortField("recall"), alt.SortField("precision", order="descending")).encode(
        x=alt.X("recall:Q", title="recall", scale=_share()),
        y=alt.Y("precision:Q", title="precision", scale=_share()),
        tooltip=_told("rev", _number("precision"), _number("recall")),
    )
    return _square(chance, lines, data=_data("recall", "precision", "prevalence"), title=title)


def _line_by_run(*along: alt.SortField) -> alt.Chart:
    """A line for each run: by colour, and by dashes where the colours repeat; `along`: the order of its points."""
    pressed, strength = _pressed("rev")
    dashes = [dash for dash in DASHES for _ in COLOURS]
    legend = alt.Legend(orient="bottom", columns=3)
    return (
        alt.Chart()
        .mark_line(strokeWidth=1.5)
        .encode(
            color=alt.Color("rev:N", sort=None, scale=alt.Scale(range=COLOURS), legend=legend),
            strokeDash=alt.StrokeDash("rev:N", sort=None, scale=alt.Scale(range=dashes), legend=legend),
            order="rank:Q",
            opacity=strength,
        )
        .add_params(pressed)
        # A line takes its order from one field alone.
        .transform_window(rank="row_number()", sort=list(along), groupby=["rev"])
    )


def _pressed(field: str) -> tuple[alt.Parameter, Any]:
    """What is pressed in the legend of this field, and the strength by which it stands out.

    Where the chart is alive, a press on a name leaves it alone, with the shift key some.
    """
    pressed = alt.selection_point("pressed", fields=[field], bind="legend")
    return pressed, alt.when(pressed).then(alt.value(1)).otherwise(alt.value(0.1))


def _square(*layers: alt.Chart, data: alt.InlineData, title: Title) -> alt.LayerChart:
    return alt.LayerChart(data=data, layer=list(layers), title=title, width=380, height=380)


def _diagonal() -> alt.Chart:
    ends = alt.InlineData(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    return alt.Chart(ends).mark_line(color=GREY, strokeDash=[5, 4], strokeWidth=1).encode(x="x:Q", y="y:Q")


def _share() -> alt.Scale:
    return alt.Scale(domain=[0, 1])


def calibration(title: Title) -> alt.FacetChart:
    """Observed frequency of the second class by predicted probability, larger dots for more images; dashed: perfect.

    In the corner the expected calibration error, see cxr.statistics.metrics.
    """
    # Room at the ends, so that no dot leaves its panel.
    scale = alt.Scale(domain=[0, 1], padding=8, nice=False)
    bins = alt.Chart().encode(
        x=alt.X("predicted:Q", title="predicted probability", scale=scale),
        y=alt.Y("observed:Q", title="observed frequency", scale=scale),
    )
    dots = bins.mark_point(filled=True, opacity=1, color=COLOURS[0]).encode(
        size=alt.Size("n_images:Q", scale=alt.Scale(range=[8, 150]), legend=None),
        tooltip=_told(
            "rev",
            _number("predicted", title="predicted probability"),
            _number("observed", title="observed frequency"),
            _number("n_images", ",d", "images"),
        ),
    )
    # Mean over the images of the distance between observed and predicted in the image's bin.
    error = (
        alt.Chart()
        .transform_calculate(gap="abs(datum.observed - datum.predicted) * datum.n_images")
        .transform_aggregate(gap="sum(gap)", n="sum(n_images)", groupby=["rev"])
        .transform_calculate(error="'error ' + format(datum.gap / datum.n, '.3f')")
        .encode(x=alt.datum(0.03), y=alt.datum(0.95), text="error:N")
    )
    # A white rim keeps it readable where a curve passes.
    rim = error.mark_text(align="left", fontSize=11, stroke="white", strokeWidth=4)
    curve = bins.mark_line(color=COLOURS[0], strokeWidth=1.5)
    layers = [_diagonal(), curve, dots, rim, error.mark_text(align="left", fontSize=11)]
    data = _data("predicted", "observed", "n_images")
    return _panels(alt.LayerChart(layer=layers, width=180, height=180), data).properties(title=title)


def confusion(title: Title, classes: list[str] | None = None) -> alt.FacetChart:
    """Images by actual and predicted class, a row for each image; shares are of the actual class.

    `classes`: their order; by name without. Of each class some image has to be.
    """
    scale = alt.Scale(domain=classes) if classes else alt.Undefined
    place = alt.Chart().encode(
        x=alt.X("called:N", title="predicted", scale=scale, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("actual:N", title="actual", scale=scale),
        tooltip=_told(
            "rev",
            _word("actual"),
            _word("called", "predicted"),
            _number("n", ",d", "images"),
            _number("share", ".1%", "of the actual class"),
        ),
    )
    shade = alt.Color("share:Q", scale=alt.Scale(domain=[0, 1], range=["#f2f7fc", "#08519c"]), legend=None)
    # Black or white, whichever is read better on the shade.
    ink = alt.condition("datum.share > 0.76", alt.value("white"), alt.value("black"))
    count = place.mark_text(fontSize=14, dy=-7).encode(text="n:Q", color=ink)
    share = place.mark_text(fontSize=11, dy=9).encode(text=alt.Text("share:Q", format=".0%"), color=ink)
    layers = [place.mark_rect().encode(color=shade), count, share]
    cells = alt.LayerChart(layer=layers, width=170, height=100)
    return (
        _panels(cells, _data())
        .properties(title=title)
        # Each image becomes two rows, one for its predicted class, which counts 1, and one for its actual class, which
        # counts 0: so there is a column for each class, also for one that no image is called.
        .transform_fold(["actual", "predicted"], as_=["role", "called"])
        .transform_calculate(counts="datum.role == 'predicted' ? 1 : 0")
        .transform_aggregate(n="sum(counts)", groupby=["rev", "actual", "called"])
        .transform_impute("n", key="called", value=0, groupby=["rev", "actual"])
        .transform_joinaggregate(of="sum(n)", groupby=["rev", "actual"])
        .transform_calculate(share="datum.n / datum.of")
    )


def performance(title: Title, metrics: list[str]) -> alt.FacetChart:
    """Each of these metrics of every run with its interval, a panel for each `metric`: `value`, `low`, `high`."""
    place = alt.Chart().encode(
        y=alt.Y("rev:N", title=None, sort=None),
        tooltip=_told("rev", _word("metric"), _word("said", "value (95% interval)")),
    )
    layers = list(_whiskers(place, "value", "low", "high", "value, 95% interval"))
    chart = alt.LayerChart(layer=layers, width=250, height=alt.Step(18))
    panels = _panels(chart, _data("value", "low", "high"), by=alt.Facet("metric:N", sort=metrics), n_columns=2)
    return (
        panels.resolve_scale(x="independent")
        .properties(title=title)
        .transform_calculate(said=_with_interval("value", "low", "high"))
    )


def shortcuts(title: Title, names: dict[str, str]) -> alt.FacetChart:
    """Accuracy with its interval of what never sees the lungs; `names`: what each shortcut is called, in order.

    Runs of one split have the same audit, which is drawn once, under the name of the first of them.
    """
    place = alt.Chart().encode(
        y=alt.Y("what:N", title=None, sort=list(names.values())),
        tooltip=_told("what", _word("rev", "run"), _word("said", "accuracy (95% interval)")),
    )
    layers = list(_whiskers(place, "accuracy", "accuracy_low", "accuracy_high", "accuracy, 95% interval"))
    chart = alt.LayerChart(layer=layers, width=150, height=alt.Step(18))
    data = _data("accuracy", "accuracy_low", "accuracy_high")
    named = f"{json.dumps(names)}[datum.shortcut] || datum.shortcut"
    return (
        _panels(chart, data)
        .properties(title=title)
        .transform_calculate(what=named, said=_with_interval("accuracy", "accuracy_low", "accuracy_high"))
        # Runs whose sums are the same have the same audit; of each row the first run's stays.
        .transform_joinaggregate(
            all="sum(accuracy)", lows="sum(accuracy_low)", highs="sum(accuracy_high)", groupby=["rev"]
        )
        .transform_window(
            place="row_number()", runs="distinct(rev)", groupby=["what", "all", "lows", "highs"], frame=[None, None]
        )
        .transform_filter("datum.place == 1")
        .transform_calculate(rev=AND_MORE)
    )


def intervals(
    title: Title,
    x_title: str,
    kinds: list[str],
    kind: str = "kind",
    reference: float | None = None,
    is_side_by_side: bool = False,
) -> alt.LayerChart:
    """A row for each `what`, in which a point and its interval stand: `value`, `low`, `high`, coloured by `kind`.

    `kind`: what the kinds are. `is_side_by_side`: each has a line of its own within the row. A dashed rule marks the
    `reference`, from which values have a sign.
    """
    form = ".3f" if reference is None else "+.3f"
    pressed, strength = _pressed("kind")
    legend = alt.Legend(orient="top", direction="vertical")
    shapes = ["circle", "diamond", "square", "triangle-up"]
    place = alt.Chart().encode(
        y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(grid=not is_side_by_side)),
        color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=COLOURS), legend=legend),
        opacity=strength,
        tooltip=_told("what", _word("kind", kind), _word("said", f"{x_title} (95% interval)")),
    )
    if is_side_by_side:
        place = place.encode(yOffset=alt.YOffset("kind:N", sort=None))
    interval, point = _whiskers(place, "value", "low", "high", x_title)
    point = point.encode(shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=shapes), legend=legend))
    layers = [interval, point.add_params(pressed)]
    if reference is not None:
        layers.insert(0, alt.Chart().mark_rule(color=GREY, strokeDash=[4, 3]).encode(x=alt.datum(reference)))
    data = _data("value", "low", "high")
    height = alt.Step(12, **{"for": "offset"}) if is_side_by_side else alt.Step(18)
    drawn = alt.LayerChart(data=data, layer=layers, title=title, width=250, height=height)
    return drawn.transform_calculate(said=_with_interval("value", "low", "high", form))


def operating_points(title: Title, parts: list[str], found: str, called: str) -> alt.LayerChart:
    """Sensitivity by specificity of each `what`, with both intervals, coloured and shaped by `part`.

    `found`, `called`: what both are of, in words.
    """
    # As strong as the points, not as the intervals.
    legend = alt.Legend(orient="bottom", columns=1, symbolOpacity=1)
    names = ("sensitivity", "specificity")
    pressed, strength = _pressed("part")
    place = alt.Chart().encode(
        color=alt.Color("part:N", scale=alt.Scale(domain=parts, range=COLOURS), legend=legend),
        opacity=strength,
        tooltip=_told(
            "what", _word("part", "test part"), *(_word(f"said_{name}", f"{name} (95% interval)") for name in names)
        ),
    )

    def axis(name: str, title: str, end: str = "") -> dict[str, Any]:
        return {"shorthand": f"{name}{end}:Q", "title": title, "scale": alt.Scale(zero=False, padding=12, nice=False)}

    across = partial(axis, "specificity", f"specificity: {called}")
    up = partial(axis, "sensitivity", f"sensitivity: {found}")
    points = place.mark_point(filled=True, size=60).encode(
        x=alt.X(**across()),
        y=alt.Y(**up()),
        shape=alt.Shape("part:N", scale=alt.Scale(domain=parts), legend=legend),
    )
    interval = place.mark_rule(strokeOpacity=0.5)
    layers = [
        interval.encode(x=alt.X(**across("_low")), x2="specificity_high:Q", y=alt.Y(**up())),
        interval.encode(x=alt.X(**across()), y=alt.Y(**up("_low")), y2="sensitivity_high:Q"),
        points.add_params(pressed),
    ]
    ends = {name: [f"{name}{end}" for end in ("", "_low", "_high")] for name in names}
    drawn = alt.LayerChart(data=_data(*chain(*ends.values())), layer=layers, title=title, width=380, height=300)
    return drawn.transform_calculate(**{f"said_{name}": _with_interval(*fields) for name, fields in ends.items()})


def _whiskers(place: alt.Chart, value: str, low: str, high: str, title: str) -> tuple[alt.Chart, alt.Chart]:
    """An interval and a point at each place."""
    x = alt.X(low, type="quantitative", title=title, scale=alt.Scale(zero=False))
    interval = place.mark_rule(strokeWidth=1.5).encode(x=x, x2=high)
    point = place.mark_point(filled=True, opacity=1, size=50).encode(x=alt.X(value, type="quantitative", title=title))
    return interval, point


def _told(name: str, *told: alt.Tooltip) -> list[alt.Tooltip]:
    """What a mark tells where it is pointed at: over all the name in this field, below it what else is `told`."""
    # The page draws the value of this title as a heading.
    return [_word(name, "title"), *told]


def _word(field: str, title: str | None = None) -> alt.Tooltip:
    return alt.Tooltip(field, type="nominal", title=title or field)


def _number(field: str, form: str = ".3f", title: str | None = None) -> alt.Tooltip:
    return alt.Tooltip(field, type="quantitative", format=form, title=title or field)


def _with_interval(value: str, low: str, high: str, form: str = ".3f") -> str:
    """The expression of a value with its interval in words, as the tables have them."""
    value, low, high = (f"format(datum.{field}, '{form}')" for field in (value, low, high))
    return f"{value} + ' (' + {low} + ' to ' + {high} + ')'"


def _panels(
    chart: alt.Chart | alt.LayerChart, data: alt.InlineData, by: alt.Facet = RUN, n_columns: int = N_COLUMNS
) -> alt.FacetChart:
    """A panel for each run, or what else `by` tells apart, with an x axis of its own: the last row may be shorter."""
    return chart.facet(by, columns=n_columns, data=data).resolve_axis(x="independent")


def _data(*numbers: str) -> alt.InlineData:
    """The place of the rows, whose fields `numbers` are numbers, whatever they are written as."""
    parse = dict.fromkeys(numbers, "number")
    return alt.InlineData(values=ROWS, format=alt.DataFormat(parse=parse) if numbers else alt.Undefined)
