"""What the charts share: their look, the parts they are made of, and what a mark that is pointed at says of itself."""

import json
from typing import Any

import altair as alt
import pandas as pd
from altair.utils import schemapi

# Else each part of a chart is held against Vega-Lite's schema as it is made: half the time that charts take. A test
# holds whole charts against it.
schemapi.disable_debug_mode()

Spec = dict[str, Any]
Title = alt.TitleParams
Chart = alt.LayerChart | alt.FacetChart | alt.VConcatChart

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
# Okabe and Ito's colours, told apart by all; beyond them runs differ by dashes as well.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a6d00"]
SHAPES = ["circle", "diamond", "square", "triangle-up"]
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
        return {**chart.to_dict(validate=False), "$schema": SCHEMA, "config": CONFIG}


def of_rows(chart: Chart, table: pd.DataFrame) -> Spec:
    """The chart of a table as Vega-Lite, filled in as DVC does."""
    spec = template(chart)
    # By way of JSON, which has null for what is not a number.
    return {**spec, "data": {**spec["data"], "values": json.loads(table.to_json(orient="records"))}}


def pressed(field: str) -> tuple[alt.Parameter, Any]:
    """What is pressed in the legend of this field, and the strength by which it stands out.

    Where the chart is alive, a press on a name leaves it alone, with the shift key some.
    """
    chosen = alt.selection_point("pressed", fields=[field], bind="legend")
    return chosen, alt.when(chosen).then(alt.value(1)).otherwise(alt.value(0.1))


def square(*layers: alt.Chart, data: alt.InlineData, title: Title) -> alt.LayerChart:
    return alt.LayerChart(data=data, layer=list(layers), title=title, width=380, height=380)


def diagonal() -> alt.Chart:
    ends = alt.InlineData(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    return alt.Chart(ends).mark_line(color=GREY, strokeDash=[5, 4], strokeWidth=1).encode(x="x:Q", y="y:Q")


def share() -> alt.Scale:
    return alt.Scale(domain=[0, 1])


def whiskers(place: alt.Chart, value: str, low: str, high: str, title: str) -> tuple[alt.Chart, alt.Chart]:
    """An interval and a point at each place."""
    x = alt.X(low, type="quantitative", title=title, scale=alt.Scale(zero=False))
    interval = place.mark_rule(strokeWidth=1.5).encode(x=x, x2=high)
    point = place.mark_point(filled=True, opacity=1, size=50).encode(x=alt.X(value, type="quantitative", title=title))
    return interval, point


def told(name: str, *told: alt.Tooltip) -> list[alt.Tooltip]:
    """What a mark tells where it is pointed at: over all the name in this field, below it what else is `told`."""
    # The page draws the value of this title as a heading.
    return [word(name, "title"), *told]


def word(field: str, title: str | None = None) -> alt.Tooltip:
    return alt.Tooltip(field, type="nominal", title=title or field)


def number(field: str, form: str = ".3f", title: str | None = None) -> alt.Tooltip:
    return alt.Tooltip(field, type="quantitative", format=form, title=title or field)


def with_interval(value: str, low: str, high: str, form: str = ".3f") -> str:
    """The expression of a value with its interval in words, as the tables have them."""
    value, low, high = (f"format(datum.{field}, '{form}')" for field in (value, low, high))
    return f"{value} + ' (' + {low} + ' to ' + {high} + ')'"


def panels(
    chart: alt.Chart | alt.LayerChart, data: alt.InlineData, by: alt.Facet = RUN, n_columns: int = N_COLUMNS
) -> alt.FacetChart:
    """A panel for each run, or what else `by` tells apart, with an x axis of its own: the last row may be shorter."""
    return chart.facet(by, columns=n_columns, data=data).resolve_axis(x="independent")


def data(*numbers: str) -> alt.InlineData:
    """The place of the rows, whose fields `numbers` are numbers, whatever they are written as."""
    parse = dict.fromkeys(numbers, "number")
    return alt.InlineData(values=ROWS, format=alt.DataFormat(parse=parse) if numbers else alt.Undefined)
