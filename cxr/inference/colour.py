"""Tell whether a picture has colours: a radiograph has none, even where its file could."""

import io

import numpy as np
from PIL import Image

PIXELS = 64
# How far a pixel's channels lie apart that is seen as coloured, of 255; grey stored as colour JPEG stays below.
SPREAD = 24
# The share of the picture that has to be coloured: a mark or a few words count.
SHARE = 0.005


def is_coloured(content: bytes) -> bool:
    """Whether an image file that can be decoded shows colours."""
    with Image.open(io.BytesIO(content)) as image:
        if image.mode not in ("RGB", "RGBA", "P"):
            return False
        # A JPEG is decoded at the smallest scale that suffices.
        image.draft("RGB", (PIXELS, PIXELS))
        small = np.asarray(image.convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.BOX), np.int16)
    return bool((np.ptp(small, axis=-1) > SPREAD).mean() > SHARE)
