import io

import numpy as np
import pytest
from PIL import Image

from cxr.inference.colour import is_coloured


def stored(pixels: np.ndarray, form: str, mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, form)
    return content.getvalue()


def radiograph(size: int = 300) -> np.ndarray:
    """Grey that varies, as `(size, size, 3)`."""
    ramp = np.add.outer(np.arange(size), np.arange(size)) * 255 // (2 * size)
    noise = np.random.default_rng(0).integers(-20, 20, (size, size))
    return np.repeat(np.clip(ramp + noise, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


@pytest.mark.parametrize(
    ("form", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGB"), ("PNG", "P"), ("PNG", "RGBA")]
)
def test_grey_has_no_colours_however_it_is_stored(form: str, mode: str) -> None:
    assert not is_coloured(stored(radiograph(), form, mode))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_photograph_and_a_coloured_mark_are_seen(form: str) -> None:
    sky = radiograph()
    sky[:150] = (90, 140, 230)
    assert is_coloured(stored(sky, form))
    marked = radiograph()
    marked[20:50, 20:60] = (255, 220, 0)
    assert is_coloured(stored(marked, form))
