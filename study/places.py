"""The places on this machine that section `data` of params.yaml names: a folder or table of the user's."""

from pathlib import Path
from typing import Any

from stages.project import parse_yaml
from study import params_text

Section = dict[str, Any]

KEYS = ("directory", "table")


def without(data: Section) -> Section:
    """The section without places and what else says nothing of the images themselves."""
    return data | dict.fromkeys(KEYS) | {"revision": 0}


def last_parts(data: Section) -> Section:
    """The section with the last part alone of each place: the way to it is this machine's."""
    return data | {key: Path(data[key]).name for key in KEYS if data.get(key)}


def without_path(text: str) -> str:
    """The text of a params.yaml with the last part alone of each place; comments stay."""
    data = parse_yaml(text, "params.yaml")["data"]
    changed = {f"data.{key}": name for key, name in last_parts(data).items() if name != data[key]}
    return params_text.apply(text, changed) if changed else text
