"""Read radiographs. The one decoder: what the manifest accepts is what the array of equal squares holds."""

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

# Pillow knows sixty formats, some of which start another program; nothing but these two is tried.
FORMATS = ("JPEG", "PNG")

# Bytes of a file and pixels of a picture that no radiograph reaches; a file that claims more shall not fill the memory.
LARGEST_FILE = 1 << 28
LARGEST_PICTURE = 1 << 26

# As the audit sees them: the frame is the outermost of 16 rows and columns, a thumbnail has 8.
FRAME_SHARE, THUMBNAIL_PIXELS = 16, 8

# A picture that is exposed at all uses the upper three quarters of its range. DICOM's 10, 12 and 14 bits that were
# written into 16 as they are do not reach them.
MIN_PEAK_OF_16_BITS = 1 << 14


class UnusableFileError(ValueError):
    """A file that cannot be part of the data set; its text says why."""


class UnknownFormatError(UnusableFileError):
    """A file of no format that is read here."""


@dataclass(frozen=True)
class Picture:
    """An image file: its pixels upright in grey (mode L, 0 black, 255 white), and how the file stores them.

    `mode` is Pillow's name of what is stored; `luminance_table` the 64 steps of a JPEG's quantisation.
    """

    grey: Image.Image
    format: str
    mode: str
    luminance_table: list[int] | None


def decode(
    content: bytes, size: int, *, is_square: bool = False, is_equalised: bool = False, shows: str = "all"
) -> NDArray[np.uint8]:
    """An image file as grey uint8 `(size, size)`, see `shrink`. Raises UnusableFileError as `read` does.

    JPEGs are decoded at the smallest scale of their transform that is still twice `size` or more: far less
    work, and the final resize still averages.
    """
    grey = read(content, at_least=2 * size).grey
    return shrink(grey, size, is_square=is_square, is_equalised=is_equalised, shows=shows)


def shrink(
    grey: Image.Image, size: int, *, is_square: bool, is_equalised: bool, shows: str = "all"
) -> NDArray[np.uint8]:
    """A grey picture as uint8 `(size, size)`, anti-aliased bilinear; see ImagesParams."""
    resized = cut(grey, is_square).resize((size, size), Image.Resampling.BILINEAR)
    return hidden(np.asarray(ImageOps.equalize(resized) if is_equalised else resized), shows)


def cut(grey: Image.Image, is_square: bool) -> Image.Image:
    """The part of a grey picture that a network is shown: its middle square, or all of it."""
    return ImageOps.fit(grey, (min(grey.size),) * 2) if is_square else grey


def hidden(image: NDArray[np.uint8], shows: str) -> NDArray[np.uint8]:
    """A square image `(size, size)` of which only what it `shows` is left, see ImagesParams; the rest is black."""
    size = len(image)
    width = max(1, size // FRAME_SHARE)
    match shows:
        case "all":
            return image
        case "thumbnail":
            small = Image.fromarray(image).resize((THUMBNAIL_PIXELS,) * 2, Image.Resampling.BOX)
            return np.asarray(small.resize((size, size), Image.Resampling.NEAREST))
        case _:
            is_frame = np.ones(image.shape, bool)
            is_frame[width : size - width, width : size - width] = False
            return np.where(is_frame == (shows == "frame"), image, 0).astype(np.uint8)


def read(content: bytes, at_least: int | None = None) -> Picture:
    """A JPEG or PNG file, decoded whole, turned as its EXIF orientation says, its full range mapped to 0-255.

    A JPEG may come at a smaller scale of which no side is below `at_least` pixels.

    Raises UnusableFileError where it is empty, larger than any radiograph, no JPEG or PNG, truncated or corrupt,
    several pictures, transparent, of an unknown orientation, or of a mode or depth whose grey is not certain (CMYK, 16
    bits of which few are used).
    """
    if not content:
        raise UnusableFileError("empty file")
    if len(content) > LARGEST_FILE:
        raise UnusableFileError(f"{len(content):,} bytes; no radiograph has so many")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        check_size(image.width * image.height)
        stored_mode = image.mode
        if at_least and stored_mode in ("L", "RGB"):
            image.draft("L", (at_least, at_least))
        image.load()
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        ImageOps.exif_transpose(image, in_place=True)
    except UnidentifiedImageError:
        raise UnknownFormatError("not an image; JPEG and PNG are read") from None
    except UnusableFileError:
        raise
    # Not a list of kinds: for a damaged file Pillow raises what its parsers happen to meet, OSError, SyntaxError and
    # ValueError among them.
    except Exception as error:
        raise UnusableFileError(f"truncated or corrupt image ({error})") from None
    if orientation not in range(1, 9):
        raise UnusableFileError(f"its EXIF orientation is {orientation}, none of 1 to 8; correct or remove it")
    if getattr(image, "is_animated", False):
        raise UnusableFileError("holds several pictures, not one")
    table = getattr(image, "quantization", {}).get(0)
    return Picture(_grey(image, content), str(image.format), stored_mode, table)


def check_size(n_pixels: int) -> None:
    """Raises UnusableFileError where a picture claims more pixels than any radiograph has."""
    if n_pixels > LARGEST_PICTURE:
        raise UnusableFileError(f"a picture of {n_pixels:,} pixels; no radiograph has so many")


def _grey(image: Image.Image, content: bytes) -> Image.Image:
    """The loaded file in mode L. Raises UnusableFileError where that would be a guess."""
    # A palette's transparent colours count where they are used; see `_from_colour`.
    if image.mode != "P" and "transparency" in image.info:
        raise UnusableFileError("has a transparent colour (chunk tRNS); store it without transparency")
    match image.mode:
        case "L":
            return image
        case "1":
            return image.convert("L")
        case "I;16" | "I":
            return _from_16_bits(np.asarray(image), _stated_bits(content))
        case "RGB" | "P" | "LA" | "RGBA":
            return _from_colour(image, content)
        case _:
            raise UnusableFileError(f"stored as {image.mode}, whose brightness is not defined; store it in grey or RGB")


def _from_16_bits(pixels: NDArray[np.uint16], stated_bits: int | None) -> Image.Image:
    """Grey levels of 16 bits, `(height, width)`, as 8 bits: full range to full range."""
    scale = 255 / _full_range(int(pixels.max()), stated_bits)
    return Image.fromarray(np.rint(pixels * scale).astype(np.uint8))


def _from_colour(image: Image.Image, content: bytes) -> Image.Image:
    """The luma (ITU-R 601-2) of colours without transparency; Pillow has cut 16 bits to their upper 8."""
    if image.mode != "RGB":
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise UnusableFileError("has transparent pixels; store it without transparency")
    grey = image.convert("L")
    if image.format == "PNG" and _depth(content) == 16:
        peak = 257 * int(np.asarray(grey).max())
        if _full_range(peak, _stated_bits(content)) != 0xFFFF:
            raise UnusableFileError("16-bit colour of which few bits are used; store it in grey")
    return grey


def _full_range(peak: int, stated_bits: int | None) -> int:
    """The white of a 16-bit picture whose largest value is `peak`.

    The PNG standard has samples of fewer bits scaled up to all 16, but many writers store them as they are: a value
    above what the stated bits (chunk sBIT) can hold tells which. Raises UnusableFileError where nothing is stated
    and `peak` leaves open what white is.
    """
    if stated_bits is None:
        if peak < MIN_PEAK_OF_16_BITS:
            raise UnusableFileError(
                f"a 16-bit PNG whose largest value is {peak}: its range is unknown; scale it to 0-65535, "
                "or state its bits (chunk sBIT)"
            )
        return 0xFFFF
    stated = (1 << stated_bits) - 1
    return stated if peak <= stated else 0xFFFF


def _depth(content: bytes) -> int:
    """Bits per sample of a PNG file, from its header."""
    return content[24]


def _stated_bits(content: bytes) -> int | None:
    """The significant bits that a PNG file states in its chunk sBIT, which stands before the pixels; None without."""
    position = 8
    while position + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        if kind == b"IDAT":
            return None
        if kind == b"sBIT":
            bits = content[position + 8]
            if not 1 <= bits <= _depth(content):
                raise UnusableFileError(f"its chunk sBIT states {bits} bits of {_depth(content)}")
            return bits
        position += 12 + length
    return None
