"""Overrides of params.yaml as words: `section.key=value`."""

from typing import Any

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
