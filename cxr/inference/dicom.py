"""Read a DICOM radiograph as a display would show it: modality rescale, window, photometric interpretation."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from cxr.data.images import Picture, UnusableFileError, check_size

# A DICOM file has 128 bytes of anything, then this.
PREAMBLE, MAGIC = 128, b"DICM"
# Beyond every value of a radiograph, whatever its rescale.
FAR = 1e12


def is_dicom(content: bytes) -> bool:
    """Whether a file says of itself that it is DICOM."""
    return content[PREAMBLE : PREAMBLE + len(MAGIC)] == MAGIC


def read(content: bytes) -> Picture:
    """One frame of 8 to 16 bits in grey, 0 black to 255 white, as its window has it; without one, its own range.

    Steps of PS3.3 C.11 and C.7.6.3.1.2: stored values, modality LUT or rescale, VOI LUT or window, MONOCHROME1 turned.

    Raises UnusableFileError where it is damaged, has no pixels, too many, of other depths, several frames, colour, or a
    compression of which no decoder is installed.
    """
    try:
        with warnings.catch_warnings():
            # pydicom warns of what it mends itself (a value too long, a byte too many), at every such file.
            warnings.simplefilter("ignore")
            dataset = dcmread(io.BytesIO(content))
            grey = _windowed(dataset, _stored_values(dataset))
            if dataset.PhotometricInterpretation == "MONOCHROME1":
                grey = 255 - grey
            return Picture(Image.fromarray(grey), "DICOM", f"{dataset.BitsStored} bits", None)
    except UnusableFileError:
        raise
    # Like an image's, a damaged file's failure is whatever the parser meets.
    except Exception as error:
        raise UnusableFileError(f"damaged DICOM ({' '.join(str(error).split())[:200]})") from None


def _stored_values(dataset: Dataset) -> NDArray[np.generic]:
    """The pixels as stored, `(height, width)`."""
    if "PixelData" not in dataset:
        raise UnusableFileError("a DICOM file without pixels")
    photometric = dataset.get("PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnusableFileError(f"DICOM pixels of {photometric}; a radiograph is MONOCHROME1 or MONOCHROME2")
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise UnusableFileError(f"DICOM of {dataset.NumberOfFrames} frames; one is read")
    n_samples, n_bits = dataset.get("SamplesPerPixel"), dataset.get("BitsAllocated")
    if n_samples != 1 or n_bits not in (8, 16):
        raise UnusableFileError(f"DICOM of {n_samples} samples a pixel in {n_bits} bits; one in 8 or 16 is read")
    # Where Pillow refuses an image too; compressed, so many may come of a small file.
    check_size(dataset.Rows * dataset.Columns)
    try:
        pixels: NDArray[np.generic] = dataset.pixel_array
    except RuntimeError as error:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        if "plugin" in str(error) or "decompress" in str(error):
            raise UnusableFileError(
                f"DICOM compressed as {syntax}, for which no decoder is installed; "
                "install pylibjpeg[all] or gdcm, or store it uncompressed"
            ) from None
        raise
    return pixels


def _windowed(dataset: Dataset, stored: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Stored values `(height, width)` as grey levels, uint8 of the same shape."""
    # Of 8 or 16 bits there are few values: each is shown once, in a table, and the pixels look themselves up there.
    # Shown one by one, those of a large radiograph would take half a gigabyte in float64.
    first = int(stored.min())
    places = np.asarray(stored, np.int32) - first  # (height, width)
    levels = np.arange(first, first + int(places.max()) + 1, dtype=stored.dtype)  # (n_levels,)
    is_there = np.zeros(len(levels), bool)
    is_there[places] = True
    return _shown(dataset, levels, is_there)[places]


def _shown(dataset: Dataset, levels: NDArray[np.generic], is_there: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The grey, uint8 `(n_levels,)`, of the stored values `levels`, of which the picture has those that are there."""
    # An element without a value says no more than one that is missing, and pydicom does not take it so everywhere.
    for name in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTSequence"):
        if name in dataset and dataset[name].is_empty:
            del dataset[name]
    values = apply_modality_lut(levels, dataset).astype(np.float64)
    if "VOILUTSequence" in dataset:
        n_bits = dataset.VOILUTSequence[0].LUTDescriptor[2]
        shown = apply_voi_lut(np.rint(values).astype(np.int64), dataset).astype(np.float64)
        black, white = 0.0, float(2**n_bits - 1)
    elif "WindowWidth" in dataset and "WindowCenter" in dataset:
        shown = apply_voi_lut(values, dataset)
        # What the window makes of values far below and far above it: its black and its white.
        black, white = apply_voi_lut(np.array([-FAR, FAR]), dataset)
    else:
        seen = values[is_there & ~_is_padding(dataset, levels)]
        shown, black, white = values, seen.min(), seen.max()
    if white == black:
        raise UnusableFileError("a DICOM image of one grey level")
    # Of a rescale with a negative slope pydicom gives a window's black as the larger number, its white as the smaller.
    return np.rint(((shown - black) * (255 / (white - black))).clip(0, 255)).astype(np.uint8)


def _is_padding(dataset: Dataset, levels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which stored values fill the places beyond the detector and are not of the picture, bool `(n_levels,)`.

    PS3.3 C.7.5.1.1.2: one value or, with a limit, all from one to the other.
    """
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if value is None:
        return np.zeros(len(levels), bool)
    low, high = sorted([value, value if limit is None else limit])
    return np.asarray((levels >= low) & (levels <= high))
