"""A study file as it stands: its runs by name, what holds for all of them, the margin."""

from pathlib import Path
from typing import Any

from cxr.errors import UserError
from stages import project


def read(path: Path) -> dict[str, Any]:
    """A study file: `runs`, and where it has them `params` and `margin`. Raises UserError where it is another thing."""
    study = project.read_yaml(path)
    if not isinstance(study.get("runs"), dict) or set(study) - {"params", "margin", "runs"}:
        raise UserError(
            f"{path} needs `runs`, a mapping from names to overrides, and may have `params` for all and `margin`"
        )
    margin = study.get("margin")
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if margin is not None and not (is_number and 0 < margin < 1):
        raise UserError(
            f"{path}: margin is the difference in accuracy that does not matter, between 0 and 1; got {margin!r:.100}"
        )
    return study


def margin(path: Path) -> float | None:
    """The difference in accuracy and AUROC that does not matter to this study; None where it names none."""
    return read(path).get("margin")
