"""A study file as it stands: its runs by name, what holds for all of them, the margin."""

from contextlib import suppress
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
    if misread := [f"{name!s:.100}" for name in study["runs"] if not isinstance(name, str)]:
        raise UserError(f"{path}: names of runs are read as {', '.join(misread)} and not as text; put them in quotes")
    margin = study.get("margin")
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    if margin is not None and not (is_number and 0 < margin < 1):
        raise UserError(
            f"{path}: margin is the difference in accuracy that does not matter, between 0 and 1; got {margin!r:.100}"
        )
    return study


def runs(path: Path, finished: list[str]) -> list[str]:
    """Those of the finished runs' names that are a study's: `name`, or `name-label`.

    A name that another study has in the same folder, as recipe.yaml has layers-1-augmented, is that study's. Raises
    UserError where there is none.
    """
    own = set(read(path)["runs"])
    others = _of_other_studies(path) - own
    found = [name for name in finished if name not in others and any(f"{name}-".startswith(f"{run}-") for run in own)]
    if not found:
        raise UserError(f"no run of {path} is finished; run it with: python -m study.run {path}")
    return found


def _of_other_studies(path: Path) -> set[str]:
    """The names of the runs of all other study files in its folder."""
    found: set[str] = set()
    for file in set(path.parent.glob("*.yaml")) - {path}:
        # Most are no study.
        with suppress(UserError):
            found.update(read(file)["runs"])
    return found


def margin(path: Path) -> float | None:
    """The difference in accuracy and AUROC that does not matter to this study; None where it names none."""
    return read(path).get("margin")
