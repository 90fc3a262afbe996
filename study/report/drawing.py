"""Charts as SVG and PNG, drawn without a browser and the same on every machine."""

import html
import io
import re

import vl_convert
from PIL import Image

from study.report.marks import FONT, Spec

PNG_PIXELS_PER_UNIT = 2
PNG_COLOURS = 64
# What Vega says of each mark: nobody hears it where the drawing is an image, which has words of its own.
FOR_READERS = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
TEXT = re.compile(r"<text (?P<attributes>[^>]*)>(?P<text>[^<]+)</text>")


def svg(spec: Spec) -> str:
    """A chart as SVG, in which no text grows out of its place in a reader's wider font."""
    drawn = FOR_READERS.sub("", str(vl_convert.vegalite_to_svg(spec)))
    widths = iter(_widths([_style(found) for found in TEXT.finditer(drawn)]))
    return TEXT.sub(lambda found: _of_width(found, next(widths)), drawn)


def png(spec: Spec) -> bytes:
    """A chart as PNG; few colours, so that it stays small."""
    drawn = io.BytesIO(vl_convert.vegalite_to_png(spec, scale=PNG_PIXELS_PER_UNIT))
    small = io.BytesIO()
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def _style(found: re.Match[str]) -> dict[str, str | float]:
    """A text of an SVG with what decides its width."""
    size = re.search(r'font-size="([\d.]+)px"', found["attributes"])
    weight = "bold" if 'font-weight="bold"' in found["attributes"] else "normal"
    return {"text": html.unescape(found["text"]), "size": float(size[1]) if size else 11.0, "weight": weight}


def _of_width(found: re.Match[str], width: float) -> str:
    """The text made to take the width that Vega measured when it gave it its place."""
    return (
        f'<text {found["attributes"]} textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs">{found["text"]}</text>'
    )


def _widths(texts: list[dict[str, str | float]]) -> list[float]:
    """Widths in units of the SVG, measured by Vega itself: it draws the texts, then their widths as texts."""
    style = {"text": {"field": "text"}, "fontSize": {"field": "size"}, "fontWeight": {"field": "weight"}}
    drawn = {"type": "text", "name": "drawn", "from": {"data": "texts"}}
    width = {"text": {"signal": "datum.bounds.x2 - datum.bounds.x1"}}
    marks = [
        drawn | {"encode": {"enter": style | {"font": {"value": FONT}}}},
        {"type": "text", "from": {"data": "drawn"}, "encode": {"enter": width}},
    ]
    scene = vl_convert.vega_to_scenegraph({"data": [{"name": "texts", "values": texts}], "marks": marks})
    return [item["text"] for item in scene["scenegraph"]["items"][0]["items"][1]["items"]]
