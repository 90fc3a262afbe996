import io
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from cxr.data import images
from cxr.data.images import UnusableFileError, decode, read


def stored(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def stored_image(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def stating(bits: int) -> PngImagePlugin.PngInfo:
    """A chunk sBIT for a PNG of one channel."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"sBIT", bytes([bits]))
    return chunks


def png_of(colour_type: int, depth: int, samples: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file written by hand, `samples` big-endian as stored, for what Pillow does not write (PNG, section 11)."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


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


GREY = smooth(60, 80)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("grey with alpha", stored_image(Image.fromarray(GREY).convert("LA"), "PNG")),
        ("RGB", stored_image(Image.fromarray(GREY).convert("RGB"), "PNG")),
        ("RGB with alpha", stored_image(Image.fromarray(GREY).convert("RGBA"), "PNG")),
        ("palette", stored_image(Image.fromarray(GREY).convert("P"), "PNG")),
        ("16 bits", stored(GREY.astype(np.uint16) * 257, "PNG")),
        ("16 bits, stated", stored(GREY.astype(np.uint16) * 257, "PNG", pnginfo=stating(16))),
        ("12 bits as they are", stored((GREY * (4095 / 255)).astype(np.uint16), "PNG", pnginfo=stating(12))),
        ("12 bits scaled up", stored(GREY.astype(np.uint16) * 257 & 0xFFF0, "PNG", pnginfo=stating(12))),
        ("RGB of 16 bits", png_of(2, 16, np.repeat(GREY[:, :, None], 3, axis=2).astype(">u2") * 257)),
        ("grey and alpha of 16 bits", png_of(4, 16, np.stack([GREY, np.full_like(GREY, 255)], 2).astype(">u2") * 257)),
    ],
)
def test_every_accepted_mode_gives_the_same_picture(name: str, content: bytes) -> None:
    picture = read(content)
    assert picture.grey.mode == "L"
    assert np.abs(np.asarray(picture.grey).astype(int) - GREY).max() <= 1
    assert np.abs(decode(content, 40).astype(int) - decode(stored(GREY, "PNG"), 40)).max() <= 1


def test_one_two_and_four_bits_use_the_full_range() -> None:
    is_bright = GREY > 120
    black_and_white = stored_image(Image.fromarray(is_bright), "PNG")
    assert read(black_and_white).mode == "1"
    assert np.array_equal(np.asarray(read(black_and_white).grey), np.where(is_bright, 255, 0))
    for depth in (2, 4):
        first_is_a_third = png_of(0, depth, np.array([[0b0101_0000]], np.uint8))
        assert np.asarray(read(first_is_a_third).grey).tolist() == [[85]]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, GREY),
        (2, GREY[:, ::-1]),
        (3, GREY[::-1, ::-1]),
        (4, GREY[::-1]),
        (5, GREY.T),
        (6, np.rot90(GREY, -1)),
        (7, GREY[::-1, ::-1].T),
        (8, np.rot90(GREY)),
    ],
)
def test_the_orientation_of_the_exif_data_is_followed(orientation: int, turned: np.ndarray, kind: str) -> None:
    """EXIF 2.32, section 4.6.4: which side of the picture row 0 and column 0 of the file are."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    content = stored(GREY, kind, exif=exif, **({"quality": 95} if kind == "JPEG" else {}))
    picture = read(content)
    assert picture.grey.size == turned.shape[::-1]
    assert np.abs(np.asarray(picture.grey).astype(int) - turned).max() <= 3
    assert np.abs(decode(content, 8).astype(int) - decode(stored(turned, "PNG"), 8)).max() <= 3


def test_one_pixel_is_a_picture() -> None:
    for kind in ("JPEG", "PNG"):
        assert np.array_equal(decode(stored(np.full((1, 1), 77, np.uint8), kind), 16), np.full((16, 16), 77))


def with_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return stored(GREY, "JPEG", exif=exif)


def transparent() -> Image.Image:
    image = Image.fromarray(GREY).convert("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 254))
    return image


SIXTEEN = GREY.astype(np.uint16)
DARK_RGB = (np.repeat(SIXTEEN[:, :, None], 3, axis=2) * 16).astype(">u2")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (stored_image(Image.fromarray(GREY).convert("CMYK"), "JPEG"), "stored as CMYK, whose brightness is not"),
        (stored_image(transparent(), "PNG"), "transparent pixels"),
        (stored_image(transparent().convert("P"), "PNG", transparency=0), "transparent pixels"),
        (stored(SIXTEEN * 16, "PNG"), r"a 16-bit PNG whose largest value is \d+: its range is unknown"),
        (png_of(2, 16, DARK_RGB), "its range is unknown"),
        (png_of(2, 16, DARK_RGB, (b"sBIT", bytes([12] * 3))), "16-bit colour of which few bits are used"),
        (stored(SIXTEEN * 257, "PNG", pnginfo=stating(0)), "its chunk sBIT states 0 bits of 16"),
        (with_exif(9), "its EXIF orientation is 9, none of 1 to 8"),
        (stored_image(Image.fromarray(GREY), "PNG", save_all=True, append_images=[Image.fromarray(GREY.T)]), "several"),
        (stored_image(Image.fromarray(GREY), "MPO", save_all=True, append_images=[Image.fromarray(GREY)]), "several"),
        (stored_image(Image.fromarray(GREY), "BMP"), "not an image; JPEG and PNG are read"),
        (stored_image(Image.fromarray(GREY), "TIFF"), "not an image"),
        (b"", "empty file"),
        (stored(GREY, "PNG")[:-60], "truncated or corrupt"),
        (png_of(0, 8, GREY, (b"zTXt", b"a\0\0" + zlib.compress(bytes(2_000_000)))), "truncated or corrupt"),
        (png_of(0, 8, GREY, (b"eXIf", b"no EXIF at all")), "truncated or corrupt"),
    ],
)
def test_all_else_is_refused_by_name(content: bytes, told: str) -> None:
    with pytest.raises(UnusableFileError, match=told):
        read(content)
    with pytest.raises(UnusableFileError, match=told):
        decode(content, 16)


@pytest.mark.parametrize("limit", ["LARGEST_FILE", "LARGEST_PICTURE"])
def test_what_is_larger_than_any_radiograph_is_refused(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = stored(GREY, "PNG")
    read(content)
    monkeypatch.setattr(images, limit, 100)
    with pytest.raises(UnusableFileError, match="no radiograph has so many"):
        read(content)


def test_no_other_program_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow hands EPS to Ghostscript; a `gs` of our own on the path tells whether it is called."""
    called = tmp_path / "called"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {called}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    subprocess.run(["gs"], check=True)
    called.unlink()
    with pytest.raises(UnusableFileError, match="not an image"):
        read(stored_image(Image.fromarray(GREY), "EPS"))
    assert not called.exists()


def test_a_square_is_the_middle_of_an_image_and_nothing_is_stretched() -> None:
    wide = np.zeros((40, 80), np.uint8)
    wide[:, 20:60] = 200
    assert (decode(stored(wide, "PNG"), 20, is_square=True) == 200).all()
    assert (decode(stored(wide, "PNG"), 20) == 0).any()


def test_equalised_greys_are_about_as_frequent_as_each_other() -> None:
    grey = (np.random.default_rng(0).beta(8, 2, (64, 64)) * 255).astype(np.uint8)
    equalised = decode(stored(grey, "PNG"), 64, is_equalised=True)
    counts = np.histogram(equalised, bins=8, range=(0, 256))[0]
    assert counts.min() > 0.7 * counts.mean()
    assert np.histogram(grey, bins=8, range=(0, 256))[0].min() == 0


def test_frame_and_middle_are_the_image_between_them_and_a_thumbnail_has_few_greys() -> None:
    image = np.random.default_rng(0).integers(1, 256, (32, 32)).astype(np.uint8)
    content = stored(image, "PNG")
    frame, middle = (decode(content, 32, shows=shows) for shows in ("frame", "middle"))
    np.testing.assert_array_equal(frame + middle, image)
    assert (frame[2:30, 2:30] == 0).all()
    assert (frame[:2] > 0).all()
    thumbnail = decode(content, 32, shows="thumbnail")
    np.testing.assert_array_equal(thumbnail, np.kron(thumbnail[::4, ::4], np.ones((4, 4), np.uint8)))
    assert np.abs(thumbnail[:4, :4].mean() - image[:4, :4].mean()) < 1


@pytest.mark.parametrize(("mode", "colour"), [("L", 0), ("RGB", (0, 0, 0))])
def test_a_transparent_colour_is_refused(mode: str, colour: object) -> None:
    content = stored_image(Image.new(mode, (4, 4)), "PNG", transparency=colour)
    with pytest.raises(UnusableFileError, match="transparent colour"):
        read(content)
