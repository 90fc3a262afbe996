"""A study file: named runs as overrides of params.yaml, checked before anything starts."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr import notation
from cxr.audit import AuditParams
from cxr.errors import UserError
from cxr.evaluation import EvaluateParams
from cxr.images import ImagesParams
from cxr.network import ModelParams
from cxr.params import parse
from cxr.phantom import PhantomParams
from cxr.sources import DataParams
from cxr.split import SplitParams
from cxr.training import TrainParams
from stages import project

SECTIONS = {
    "data": DataParams,
    "images": ImagesParams,
    "split": SplitParams,
    "audit": AuditParams,
    "model": ModelParams,
    "train": TrainParams,
    "evaluate": EvaluateParams,
    "phantom": PhantomParams,
}


@dataclass(frozen=True)
class Run:
    """One experiment: its name, its overrides as `section.key`, and the parameters they lead to."""

    name: str
    overrides: dict[str, Any]
    params: dict[str, Any]


def load(path: Path, extra: dict[str, Any], label: str = "") -> list[Run]:
    """The runs of a study file on top of params.yaml; `extra` overrides both, `label` ends every name.

    Raises UserError that names every run with a wrong parameter, and what is wrong with it.
    """
    study, base = project.read_yaml(path), project.read_yaml(Path("params.yaml"))
    if not isinstance(study.get("runs"), dict) or set(study) - {"params", "runs"}:
        raise UserError(f"{path} needs `runs`, a mapping from names to overrides, and may have `params` for all")
    runs, problems = [], []
    for name, own in study["runs"].items():
        overrides = {**(study.get("params") or {}), **(own or {}), **extra}
        try:
            runs.append(Run(f"{name}-{label}" if label else str(name), overrides, _apply(base, overrides)))
        except UserError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise UserError("; ".join(problems))
    return runs


def _apply(base: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """params.yaml with the overrides, every section checked as its stage will check it."""
    params = copy.deepcopy(base)
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        if name not in (params.get(section) or {}):
            raise UserError(f"params.yaml has no {key}")
        params[section][name] = value
    checked: dict[str, Any] = {section: parse(kind, section, params.get(section)) for section, kind in SECTIONS.items()}
    model = checked["model"]
    notation.check_poolings(notation.parse(model.layers), params["images"]["size"], model.layers)
    return params
