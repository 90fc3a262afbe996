"""A study file: named runs as overrides of params.yaml, checked before anything starts."""

import copy
import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cxr import sections
from cxr.errors import UserError
from cxr.sources import records
from stages import project
from study import study_file

T = TypeVar("T")

# What can be a part of a Git ref, and is no address (NAME@COMMIT) and no preparation (see preparation.py).
LONGEST_NAME = 100
NAME = re.compile(r"\w[\w-]*(\.[\w-]+)*(?<!\.lock)")


@dataclass(frozen=True)
class Run:
    """One experiment: its name, its overrides as `section.key`, and the parameters they lead to.

    `targets`: the stages that run, with those that they depend on; all without any.
    """

    name: str
    overrides: dict[str, Any]
    params: dict[str, Any]
    targets: tuple[str, ...] = ()


def load(
    path: Path, base: dict[str, Any], extra: dict[str, Any], label: str = "", only: Collection[str] = ()
) -> list[Run]:
    """The runs of a study file on top of `base`, the parameters; `extra` overrides both, `label` ends every name.

    `only`: the names, as the file has them, of the runs that are wanted; all without any. Raises UserError where the
    file has no run, or that names those of `only` that it has not, or every run with an unknown parameter or a name
    that no experiment can have. The values of parameters are not looked at: see `check`.
    """
    study = study_file.read(path)
    for_all = study.get("params") or {}
    changes = {name: overrides or {} for name, overrides in study["runs"].items()}
    if not changes:
        raise UserError(f"{path} names no run")
    if unknown := [name for name in only if name not in changes]:
        raise UserError(f"{path} has no run {', '.join(unknown)}; it has {', '.join(changes)}")
    if no_mappings := [name for name, given in {"params": for_all, **changes}.items() if not isinstance(given, dict)]:
        raise UserError(
            f"{path}: {', '.join(no_mappings)} is no mapping from keys to values, as {{train.epochs: 3}} is"
        )
    overrides = {
        f"{name}-{label}" if label else name: {**for_all, **given, **extra}
        for name, given in changes.items()
        if not only or name in only
    }
    return _for_all(overrides, lambda name: _run(name, base, overrides[name]))


def _run(name: str, base: dict[str, Any], overrides: dict[str, Any]) -> Run:
    if not NAME.fullmatch(name) or len(name.encode()) > LONGEST_NAME:
        raise UserError(
            "a run's name, with its label, is made of letters, digits, '_', '-' and single dots, "
            f"{LONGEST_NAME} bytes of UTF-8 at most"
        )
    return Run(name, overrides, _apply(base, overrides))


def check(runs: list[Run]) -> None:
    """Every section of every run, and the user's folder or table. Raises UserError that names all wrong runs."""

    def check_one(name: str) -> None:
        params = params_of[name]
        sections.check(params)
        look(json.dumps(params["data"]))

    @cache
    def look(data: str) -> None:
        # What is good but not all used is told, once for all runs.
        records.check_found(json.loads(data), project.home())

    params_of = {run.name: run.params for run in runs}
    _for_all(params_of, check_one)


def _for_all(names: Iterable[str], act: Callable[[str], T]) -> list[T]:
    """What `act` gives for each name; raises all its UserErrors as one that names them."""
    results, problems = [], {}
    for name in names:
        try:
            results.append(act(name))
        except UserError as error:
            problems[name] = str(error)
    if problems:
        raise UserError(told(problems))
    return results


def told(reasons: dict[str, str]) -> str:
    """Reasons by the names of runs in one line, each reason once."""
    alike: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        alike.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in alike.items())


def _apply(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the overrides."""
    params = copy.deepcopy(base)
    for key, value in overrides.items():
        section, _, name = str(key).partition(".")
        if not name and section in params:
            raise UserError(
                f"{key} is a section of params.yaml; name its keys alone, such as {key}.{next(iter(params[key]))}"
            )
        if name not in (params.get(section) or {}):
            raise UserError(f"params.yaml has no {key}")
        params[section][name] = value
    return params
