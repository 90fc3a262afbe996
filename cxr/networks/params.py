"""Sections `model` and `train` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.networks import notation
from cxr.params import STRICT, Seed

Width = Annotated[int, Field(gt=0, le=notation.MAX_WIDTH)]


@dataclass(frozen=True, config=STRICT)
class ModelParams:
    """The network: its layers (see cxr.networks.notation), the widths of plain letters, the dropout rate."""

    layers: str
    filters: Annotated[list[Width], Field(min_length=2, max_length=2)]
    dense_units: Width
    dropout: Annotated[float, Field(ge=0, le=0.99)]

    def steps(self) -> list[notation.Step]:
        """The steps of `layers`. Raises UserError where the notation is wrong."""
        return notation.steps(self.layers, self.filters, self.dense_units)


def check(params: ModelParams, image_size: int) -> None:
    """Raises UserError where the notation is wrong or pools a map of one pixel."""
    notation.check_poolings(params.steps(), image_size, params.layers)


@dataclass(frozen=True, config=STRICT)
class TrainParams:
    """How the network is trained; `seed` of weights, dropout and the order of images."""

    epochs: Annotated[int, Field(gt=0, le=10_000)]
    batch_size: Annotated[int, Field(gt=0, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0)]
    augmentation: Literal["none"]
    precision: Literal["auto", "float32", "bfloat16"]
    seed: Seed
