"""Section `evaluate` of params.yaml, free of Keras so that the audit can read it too."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT

SENSITIVITY_RULE = re.compile(r"sensitivity:(0?\.\d+|1(\.0*)?)")


def _check_threshold(value: float | str) -> float | str:
    if isinstance(value, str) and value != "youden" and not SENSITIVITY_RULE.fullmatch(value):
        raise ValueError("should be a probability, 'youden' or 'sensitivity:0.95'")
    if not isinstance(value, str) and not 0 <= value <= 1:
        raise ValueError("should be between 0 and 1")
    return value


@dataclass(frozen=True, config=STRICT)
class EvaluateParams:
    """Section `evaluate` of params.yaml."""

    threshold: Annotated[float | str, AfterValidator(_check_threshold)]
    bootstrap_samples: Annotated[int, Field(ge=100)]
    seed: Annotated[int, Field(ge=0)]
