"""Decode radiographs to one size."""

import io
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from pydantic.dataclasses import dataclass

from cxr.params import STRICT


@dataclass(frozen=True, config=STRICT)
class ImagesParams:
    """Section `images` of params.yaml; `size` in pixels."""

    size: Annotated[int, Field(gt=0, le=2048)]


def decode(content: bytes, size: int) -> NDArray[np.uint8]:
    """An image file as grey uint8 `(size, size)`, resized without regard to aspect, anti-aliased bilinear.

    JPEGs are decoded at the smallest scale of their transform that is still twice `size` or more: far less
    work, and the final resize still averages.
    """
    with Image.open(io.BytesIO(content)) as image:
        image.draft("L", (2 * size, 2 * size))
        grey = image if image.mode == "L" else image.convert("L")
        return np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR))
