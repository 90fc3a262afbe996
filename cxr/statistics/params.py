"""Sections `audit` and `evaluate` of params.yaml."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from cxr.params import STRICT, BootstrapSamples, Seed

SENSITIVITY_RULE = re.compile(r"sensitivity:(0?\.\d+|1(\.0*)?)")


def _check_threshold(value: float | str) -> float | str:
    if isinstance(value, str) and value != "youden" and not SENSITIVITY_RULE.fullmatch(value):
        raise ValueError("should be a probability, 'youden' or 'sensitivity:0.95'")
    if not isinstance(value, str) and not 0 <= value <= 1:
        raise ValueError("should be between 0 and 1")
    return value


@dataclass(frozen=True, config=STRICT)
class AuditParams:
    """The audit of shortcuts; `seed` of the trees and of the bootstrap."""

    bootstrap_samples: BootstrapSamples
    seed: Seed


@dataclass(frozen=True, config=STRICT)
class EvaluateParams:
    """The evaluation: a probability or a rule that chooses it on validation, and the bootstrap."""

    threshold: Annotated[float | str, AfterValidator(_check_threshold)]
    bootstrap_samples: BootstrapSamples
    seed: Seed
