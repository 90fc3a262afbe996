"""Section `phantom` of params.yaml; section `data` stands with the sources that it chooses from, in records."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT, Seed


@dataclass(frozen=True, config=STRICT)
class PhantomParams:
    """The synthetic data set: how many, how large, how visible the disease is, and the traps that are set."""

    n_images: Annotated[int, Field(ge=60, le=100_000)]
    pixels: Annotated[int, Field(ge=32, le=4096)]
    opacity: Annotated[float, Field(ge=0, le=3)]
    quality_trap: bool
    brightness_trap: bool
    duplicate_trap: bool
    prevalence_trap: bool
    seed: Seed
