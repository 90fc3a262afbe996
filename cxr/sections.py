"""The sections of params.yaml: the one table of them, and what they must satisfy together.

Imports no library that learns, so that a whole params.yaml is checked in a moment.
"""

from collections.abc import Mapping
from typing import Any

from cxr.data.params import ImagesParams, SplitParams
from cxr.errors import UserError
from cxr.inference.params import ExplainParams
from cxr.networks.params import AugmentParams, ModelParams, TrainParams, check_devices
from cxr.networks.params import check as check_network
from cxr.params import parse
from cxr.sources.params import PhantomParams
from cxr.sources.records import SOURCES, DataParams
from cxr.statistics.params import AuditParams, EvaluateParams

SECTIONS: dict[str, type] = {
    "data": DataParams,
    "images": ImagesParams,
    "split": SplitParams,
    "audit": AuditParams,
    "model": ModelParams,
    "train": TrainParams,
    "augment": AugmentParams,
    "evaluate": EvaluateParams,
    "explain": ExplainParams,
    "phantom": PhantomParams,
}


def check(params: Mapping[str, Any]) -> None:
    """Check the content of params.yaml. Raises UserError, one line, as `parse` does and where sections do not fit."""
    if unknown := sorted(str(name) for name in params if name not in SECTIONS):
        raise UserError(f"params.yaml: {', '.join(unknown)}: no such section (misspelt?)")
    parsed: dict[str, Any] = {name: parse(kind, name, params.get(name)) for name, kind in SECTIONS.items()}
    check_network(parsed["model"], parsed["images"].size)
    check_devices(parsed["model"], parsed["train"])
    _check_data(parsed["data"], parsed["split"], parsed["train"])


def _check_data(data: DataParams, split: SplitParams, train: TrainParams) -> None:
    """Raises UserError where the split or the training asks for what nobody knows of the images."""
    if data.patient == "none" and split.protocol == "grouped":
        raise UserError("split.protocol grouped cuts by patient, and data.patient none says that they are not known")
    if data.knows_etiology:
        return
    is_unknown_to_source = not SOURCES[data.source].knows_etiology
    known = f"data.source {data.source}" if is_unknown_to_source else f"data.patient '{data.patient}'"
    if train.target == "etiology":
        raise UserError(f"train.target etiology needs bacteria and virus told apart, which {known} does not")
    if split.protocol == "series" and data.source != "table":
        raise UserError(f"split.protocol series needs Kermany's file names, which {known} does without")
