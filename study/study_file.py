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

    Of two runs whose names it begins with the longer counts, also where that is another study's in the same folder:
    layers-1-augmented-seed1 is recipe.yaml's. Raises UserError where there is none.
    """
    own = set(read(path)["runs"])
    all_runs = own | _of_other_studies(path)
    found = [name for name in finished if _run_of(name, all_runs) in own]
    if not found:
        raise UserError(f"no run of {path} is finished; run it with: python -m study.run {path}")
    return found


def _run_of(name: str, all_runs: set[str]) -> str | None:
    """The run that a finished one is, with a label or without; None where it is none of them."""
    return max((run for run in all_runs if f"{name}-".startswith(f"{run}-")), key=len, default=None)


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
