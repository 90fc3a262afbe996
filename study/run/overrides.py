"""Overrides of params.yaml: as words, `section.key=value`, and written into its text."""

import io
from typing import Any

from ruamel.yaml import YAML

from cxr.errors import UserError
from stages.project import parse_yaml


def parse_overrides(texts: list[str]) -> dict[str, Any]:
    """`section.key=value` words, their values read as YAML 1.2."""
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"'{text:.100}' is no override; write section.key=value")
        overrides[key] = parse_yaml(value, f"the value of '{key:.100}'")
    return overrides


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
