"""Sections `data` and `phantom` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT, Seed


@dataclass(frozen=True, config=STRICT)
class DataParams:
    """Where the images come from; `revision` tells DVC that the content of `directory` has changed."""

    source: Literal["kaggle", "mendeley", "directory", "phantom"]
    directory: str | None
    revision: Annotated[int, Field(ge=0)]


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
