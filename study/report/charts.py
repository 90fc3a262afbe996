"""The pictures, each one function of a table. The report draws them; DVC draws them through study.templates.

Rows have the columns of the plot files that the stages write, and `rev`, DVC's name for the experiment of a row. DVC
hands out every value as text, so each chart says which fields are numbers. With a single `rev` a picture is one panel.
What answers to the pointer says of itself what a reader would ask, and nothing else: see `marks.told`.
"""

import json
from functools import partial
from itertools import chain
from typing import Any

import altair as alt

from study.report import marks
from study.report.marks import Title


def curves(title: Title, domains: dict[str, list[float]] | None = None, has_notebook: bool = False) -> alt.VConcatChart:
    """Loss and accuracy of training and validation by epoch, a panel for each run; `domains`: ends of the two y axes.

    With `has_notebook`, a field `whose` tells this run's curves from the notebook's.
    """
    data = marks.data("epoch", "loss", "val_loss", "accuracy", "val_accuracy")
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
    whose = [marks.word("whose", "of")] if has_notebook else []
    drawn = (
        alt.Chart(width=220, height=130)
        # With dots, since a single epoch has no line.
        .mark_line(clip=True, strokeWidth=1.5, point=alt.OverlayMarkDef(size=5))
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:Q", title=name, scale=alt.Scale(domain=domain) if domain else alt.Scale(zero=False)),
            color=alt.Color("part:N", sort=None, scale=alt.Scale(range=marks.COLOURS[:2]), legend=legend),
            tooltip=marks.told(
                "rev",
                *whose,
                marks.word("part", "curve"),
                marks.number("epoch", "d"),
                marks.number("value", title=measure),
            ),
        )
    )
    if has_notebook:
        drawn = drawn.encode(
            strokeDash=alt.StrokeDash("whose:N", sort=None, scale=alt.Scale(range=[[1, 0], [3, 3]]), legend=legend)
        )
    return (
        marks.panels(drawn, data)
        .transform_calculate(training=f"datum.{measure}", validation=f"datum.val_{measure}")
        .transform_fold(["training", "validation"], as_=["part", "value"])
    )


def roc(title: Title) -> alt.LayerChart:
    """Sensitivity by 1 - specificity of every run; dashed: chance."""
    lines = _line_by_run(alt.SortField("false_positive_rate"), alt.SortField("sensitivity")).encode(
        x=alt.X("false_positive_rate:Q", title="1 - specificity", scale=marks.share()),
        y=alt.Y("sensitivity:Q", title="sensitivity", scale=marks.share()),
        tooltip=marks.told(
            "rev",
            marks.number("sensitivity"),
            marks.number("false_positive_rate", title="1 - specificity"),
            marks.number("threshold", ".3g"),
        ),
    )
    data = marks.data("false_positive_rate", "sensitivity", "threshold")
    return marks.square(marks.diagonal(), lines, data=data, title=title)


def precision_recall(title: Title) -> alt.LayerChart:
    """Precision by recall of every run; dashed: chance, a line for each prevalence among the test parts."""
    chance = (
        alt.Chart()
        .mark_rule(color=marks.GREY, strokeDash=[5, 4])
        .encode(y="prevalence:Q", tooltip=marks.told("of", marks.number("prevalence", title="precision of chance")))
        .transform_aggregate(runs="distinct(rev)", rev="min(rev)", groupby=["prevalence"])
        .transform_calculate(of=marks.AND_MORE)
    )
    # Where a lower threshold adds false positives alone, the recall stays and the precision falls.
    lines = _line_by_run(alt.SortField("recall"), alt.SortField("precision", order="descending")).encode(
        x=alt.X("recall:Q", title="recall", scale=marks.share()),
        y=alt.Y("precision:Q", title="precision", scale=marks.share()),
        tooltip=marks.told("rev", marks.number("precision"), marks.number("recall")),
    )
    return marks.square(chance, lines, data=marks.data("recall", "precision", "prevalence"), title=title)


def _line_by_run(*along: alt.SortField) -> alt.Chart:
    """A line for each run: by colour, and by dashes where the colours repeat; `along`: the order of its points."""
    pressed, strength = marks.pressed("rev")
    dashes = [dash for dash in marks.DASHES for _ in marks.COLOURS]
    legend = alt.Legend(orient="bottom", columns=3)
    return (
        alt.Chart()
        .mark_line(strokeWidth=1.5)
        .encode(
            color=alt.Color("rev:N", sort=None, scale=alt.Scale(range=marks.COLOURS), legend=legend),
            strokeDash=alt.StrokeDash("rev:N", sort=None, scale=alt.Scale(range=dashes), legend=legend),
            order="rank:Q",
            opacity=strength,
        )
        .add_params(pressed)
        # A line takes its order from one field alone.
        .transform_window(rank="row_number()", sort=list(along), groupby=["rev"])
    )


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
    dots = bins.mark_point(filled=True, opacity=1, color=marks.COLOURS[0]).encode(
        size=alt.Size("n_images:Q", scale=alt.Scale(range=[8, 150]), legend=None),
        tooltip=marks.told(
            "rev",
            marks.number("predicted", title="predicted probability"),
            marks.number("observed", title="observed frequency"),
            marks.number("n_images", ",d", "images"),
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
    curve = bins.mark_line(color=marks.COLOURS[0], strokeWidth=1.5)
    layers = [marks.diagonal(), curve, dots, rim, error.mark_text(align="left", fontSize=11)]
    data = marks.data("predicted", "observed", "n_images")
    return marks.panels(alt.LayerChart(layer=layers, width=180, height=180), data).properties(title=title)


def confusion(title: Title, classes: list[str] | None = None) -> alt.FacetChart:
    """Images by actual and predicted class, a row for each image; shares are of the actual class.

    `classes`: their order; by name without. Of each class some image has to be.
    """
    scale = alt.Scale(domain=classes) if classes else alt.Undefined
    place = alt.Chart().encode(
        x=alt.X("called:N", title="predicted", scale=scale, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("actual:N", title="actual", scale=scale),
        tooltip=marks.told(
            "rev",
            marks.word("actual"),
            marks.word("called", "predicted"),
            marks.number("n", ",d", "images"),
            marks.number("share", ".1%", "of the actual class"),
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
        marks.panels(cells, marks.data())
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
        tooltip=marks.told("rev", marks.word("metric"), marks.word("said", "value (95% interval)")),
    )
    layers = list(marks.whiskers(place, "value", "low", "high", "value, 95% interval"))
    chart = alt.LayerChart(layer=layers, width=250, height=alt.Step(18))
    panels = marks.panels(
        chart, marks.data("value", "low", "high"), by=alt.Facet("metric:N", sort=metrics), n_columns=2
    )
    return (
        panels.resolve_scale(x="independent")
        .properties(title=title)
        .transform_calculate(said=marks.with_interval("value", "low", "high"))
    )


def shortcuts(title: Title, names: dict[str, str]) -> alt.FacetChart:
    """Accuracy with its interval of what never sees the lungs; `names`: what each shortcut is called, in order.

    Runs of one split have the same audit, which is drawn once, under the name of the first of them.
    """
    place = alt.Chart().encode(
        y=alt.Y("what:N", title=None, sort=list(names.values())),
        tooltip=marks.told("what", marks.word("rev", "run"), marks.word("said", "accuracy (95% interval)")),
    )
    layers = list(marks.whiskers(place, "accuracy", "accuracy_low", "accuracy_high", "accuracy, 95% interval"))
    chart = alt.LayerChart(layer=layers, width=190, height=alt.Step(18))
    data = marks.data("accuracy", "accuracy_low", "accuracy_high")
    named = f"{json.dumps(names)}[datum.shortcut] || datum.shortcut"
    return (
        marks.panels(chart, data)
        .properties(title=title)
        .transform_calculate(what=named, said=marks.with_interval("accuracy", "accuracy_low", "accuracy_high"))
        # Runs whose sums are the same have the same audit; of each row the first run's stays.
        .transform_joinaggregate(
            all="sum(accuracy)", lows="sum(accuracy_low)", highs="sum(accuracy_high)", groupby=["rev"]
        )
        .transform_window(
            place="row_number()", runs="distinct(rev)", groupby=["what", "all", "lows", "highs"], frame=[None, None]
        )
        .transform_filter("datum.place == 1")
        .transform_calculate(rev=marks.AND_MORE)
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
    pressed, strength = marks.pressed("kind")
    legend = alt.Legend(orient="top", direction="vertical")
    place = alt.Chart().encode(
        y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(grid=not is_side_by_side)),
        color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=marks.COLOURS), legend=legend),
        opacity=strength,
        tooltip=marks.told("what", marks.word("kind", kind), marks.word("said", f"{x_title} (95% interval)")),
    )
    if is_side_by_side:
        place = place.encode(yOffset=alt.YOffset("kind:N", sort=None))
    interval, point = marks.whiskers(place, "value", "low", "high", x_title)
    point = point.encode(shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=marks.SHAPES), legend=legend))
    layers = [interval, point.add_params(pressed)]
    if reference is not None:
        layers.insert(0, alt.Chart().mark_rule(color=marks.GREY, strokeDash=[4, 3]).encode(x=alt.datum(reference)))
    data = marks.data("value", "low", "high")
    height = alt.Step(12, **{"for": "offset"}) if is_side_by_side else alt.Step(18)
    drawn = alt.LayerChart(data=data, layer=layers, title=title, width=250, height=height)
    return drawn.transform_calculate(said=marks.with_interval("value", "low", "high", form))


def operating_points(title: Title, parts: list[str], found: str, called: str) -> alt.LayerChart:
    """Sensitivity by specificity of each `what`, with both intervals, coloured and shaped by `part`.

    `found`, `called`: what both are of, in words.
    """
    # As strong as the points, not as the intervals.
    legend = alt.Legend(orient="bottom", columns=1, symbolOpacity=1)
    names = ("sensitivity", "specificity")
    pressed, strength = marks.pressed("part")
    place = alt.Chart().encode(
        color=alt.Color("part:N", scale=alt.Scale(domain=parts, range=marks.COLOURS), legend=legend),
        opacity=strength,
        tooltip=marks.told(
            "what",
            marks.word("part", "test part"),
            *(marks.word(f"said_{name}", f"{name} (95% interval)") for name in names),
        ),
    )

    def axis(name: str, title: str, end: str = "") -> dict[str, Any]:
        return {"shorthand": f"{name}{end}:Q", "title": title, "scale": alt.Scale(zero=False, padding=12, nice=False)}

    across = partial(axis, "specificity", f"specificity: {called}")
    up = partial(axis, "sensitivity", f"sensitivity: {found}")
    points = place.mark_point(filled=True, size=60).encode(
        x=alt.X(**across()),
        y=alt.Y(**up()),
        shape=alt.Shape("part:N", scale=alt.Scale(domain=parts, range=marks.SHAPES), legend=legend),
    )
    interval = place.mark_rule(strokeOpacity=0.5)
    layers = [
        interval.encode(x=alt.X(**across("_low")), x2="specificity_high:Q", y=alt.Y(**up())),
        interval.encode(x=alt.X(**across()), y=alt.Y(**up("_low")), y2="sensitivity_high:Q"),
        points.add_params(pressed),
    ]
    ends = {name: [f"{name}{end}" for end in ("", "_low", "_high")] for name in names}
    drawn = alt.LayerChart(data=marks.data(*chain(*ends.values())), layer=layers, title=title, width=380, height=300)
    return drawn.transform_calculate(**{f"said_{name}": marks.with_interval(*fields) for name, fields in ends.items()})
