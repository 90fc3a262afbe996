"""Section `explain` of params.yaml."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT, Seed


@dataclass(frozen=True, config=STRICT)
class ExplainParams:
    """The pictures: images in a row, the seed by which they are drawn and random weights."""

    n_columns: Annotated[int, Field(ge=2, le=12)]
    seed: Seed
