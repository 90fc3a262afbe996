import io

import numpy as np
import pytest
from PIL import Image

from cxr.data.images import decode


def stored(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return (120 + 60 * np.sin(5 * x) * np.cos(4 * y) + 40 * y).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (900, 1400), (127, 384), (20, 30)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_decode_is_the_anti_aliased_resize(height: int, width: int, kind: str) -> None:
    content = stored(smooth(height, width), kind, **({"quality": 95} if kind == "JPEG" else {}))
    with Image.open(io.BytesIO(content)) as image:
        reference = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.BILINEAR))
    decoded = decode(content, 64)
    assert decoded.dtype == np.uint8
    assert decoded.shape == (64, 64)
    assert np.abs(decoded.astype(int) - reference).max() <= 3


def test_a_grey_image_stored_as_rgb_stays_grey() -> None:
    grey = smooth(100, 100)
    rgb = stored(np.repeat(grey[:, :, None], 3, axis=2), "JPEG", quality=95)
    assert np.abs(decode(rgb, 50).astype(int) - decode(stored(grey, "JPEG", quality=95), 50)).max() <= 2
