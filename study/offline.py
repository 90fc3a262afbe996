"""Let the HTML of `dvc plots` work without internet: `python -m study.offline`.

DVC's own page loads Vega from a public server. This writes a page that carries it, and names it in
.dvc/config.local, which stays on this machine; without it DVC falls back to its own page.
"""

import argparse

import vl_convert

from cxr import files
from cxr.errors import UserError
from stages import project
from study.commands import dvc

# DVC replaces what stands in braces; the bundle comes first, in the place of its own.
BUNDLE = "{bundle}"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh_tag}
<title>Experiments</title>
<script>{bundle}</script>
<style>
body { font-family: system-ui, sans-serif; margin: 1rem; background: #fff; color: #111; }
/* A drawing wider than the page scrolls in its own box. */
body > div.vega-embed { display: block; margin-bottom: 2rem; overflow-x: auto; }
/* DVC has the pictures of all runs in one line, which here goes on below. */
body > div { white-space: normal !important; }
img { max-width: calc(100vw - 4rem); }
table { border-spacing: 1rem; }
</style>
</head>
<body>
<h1>Experiments</h1>
<p>Tables, verdicts and methods: <a href="../report/index.html">the report</a>, which make report writes.</p>
<p>Point at a mark to read it. Press a name in a legend to see it alone, with Shift more of them.</p>
{plot_divs}
</body>
</html>
"""

# As SVG, whose text can be found and copied. Templates name Vega-Lite 5, which DVC's own page loads; both versions draw
# them alike, and Vega would warn of each.
SNIPPET = (
    "window.vegaEmbed = (place, {$schema, ...spec}) => vegaEmbed(place, spec, {renderer: 'svg', mode: 'vega-lite'});"
)


def main() -> None:
    argparse.ArgumentParser(prog="python -m study.offline", description=__doc__).parse_args()
    try:
        bundle = vl_convert.javascript_bundle(SNIPPET)
    except ValueError as error:
        raise UserError(f"vl-convert cannot bundle Vega: {error}") from None
    page = project.home() / ".dvc" / "tmp" / "cxr" / "plots.html"
    with files.whole(page) as partial:
        partial.write_text(PAGE.replace(BUNDLE, bundle.replace("</script", "<\\/script")))
    dvc("config", "--local", "plots.html_template", page.relative_to(project.home() / ".dvc").as_posix())


if __name__ == "__main__":
    project.run(main)
