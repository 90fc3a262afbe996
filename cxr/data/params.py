"""Sections `images` and `split` of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT, Seed
from cxr.vocabulary import Protocol

Shown = Literal["all", "frame", "middle", "thumbnail"]


@dataclass(frozen=True, config=STRICT)
class ImagesParams:
    """`size`: height and width in pixels.

    is_square: only the square in an image's middle, as MedMNIST takes it (Yang et al. 2023), instead of all of it
    stretched to a square; is_equalised: greys spread so that each is about as frequent as any other.
    shows: what is left of an image, to ask what a network can do with that alone: the frame, the outermost sixteenth on
    each side; the middle, all but the frame; a thumbnail of 8x8 pixels.
    """

    size: Annotated[int, Field(gt=0, le=2048)]
    is_square: bool
    is_equalised: bool
    shows: Shown


@dataclass(frozen=True, config=STRICT)
class SplitParams:
    """How the images are cut; the fractions are of images, `val_fraction` of what is not test."""

    protocol: Protocol
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    test_fraction: Annotated[float, Field(gt=0, lt=1)]
    seed: Seed
