"""The text of a params.yaml with other values in it."""

import io
from typing import Any

from ruamel.yaml import YAML


def apply(text: str, overrides: dict[str, Any]) -> str:
    """The text of a params.yaml with `section.key` overrides; comments stay."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    content = yaml.load(text)
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        content[section][name] = value
    changed = io.StringIO()
    yaml.dump(content, changed)
    return changed.getvalue()
