"""What the marks of a chart tell where they are pointed at."""

import re
from collections.abc import Iterator
from typing import Any

import vl_convert


def tooltips(spec: dict[str, Any]) -> list[dict[str, str]]:
    """The tooltip of every mark that has one, each as its heading `title` and its lines, as the reader sees them."""
    compiled = vl_convert.vegalite_to_vega(spec)
    # Where it draws without a browser, Vega keeps of a mark its description, not its tooltip, and of an object nothing.
    for mark in _parts(compiled):
        how = mark.get("encode", {}).get("update", {})
        how.pop("description", None)
        if "tooltip" in how:
            told = how["tooltip"]["signal"]
            lines = [f"['{title}', ({told})['{title}']]" for title in re.findall(r'"([^"]+)": ', told)]
            how["description"] = {"signal": f"[{', '.join(lines)}]"}
    drawn = vl_convert.vega_to_scenegraph(compiled)
    return [dict(mark["description"]) for mark in _parts(drawn) if "description" in mark]


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object within a tree, and itself."""
    if isinstance(tree, dict):
        yield tree
    for branch in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []:
        yield from _parts(branch)
