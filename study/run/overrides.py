"""Overrides of params.yaml as words: `section.key=value`."""

from typing import Any

from cxr.errors import UserError
from stages.project import parse_yaml


def parse_overrides(texts: list[str]) -> dict[str, Any]:
    """`section.key=value` words, their values read as YAML 1.2."""
    overrides: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"'{text:.100}' is no override; write section.key=value")
        if key in overrides:
            raise UserError(f"'{key:.100}' is set twice; one of its values would be lost")
        overrides[key] = parse_yaml(value, f"the value of '{key:.100}'")
    return overrides
