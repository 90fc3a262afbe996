"""Sections `audit` and `evaluate` of params.yaml."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT, BootstrapSamples, Seed

SENSITIVITY_RULE = re.compile(r"sensitivity:(0?\.\d+|1(\.0*)?)")


def _check_threshold(value: float | str) -> float | str:
    # A sensitivity of 0 has no highest threshold.
    is_rule = isinstance(value, str) and SENSITIVITY_RULE.fullmatch(value) and float(value.partition(":")[2]) > 0
    if isinstance(value, str) and value != "youden" and not is_rule:
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
    """The evaluation.

    threshold: a probability, or a rule that chooses it on validation. crop, flip: what the network sees of an image
    (cxr.inference.predict.logits). temperature: the number that divides all logits, none or fitted on validation.
    """

    threshold: Annotated[float | str, AfterValidator(_check_threshold)]
    crop: Annotated[float, Field(gt=0, le=1)]
    flip: bool
    temperature: Literal["none", "validation"]
    bootstrap_samples: BootstrapSamples
    seed: Seed
