import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)

from cxr.data.images import UnusableFileError
from cxr.inference import dicom

RAMP = np.arange(16 * 16, dtype=np.uint16).reshape(16, 16)


def made(pixels: np.ndarray = RAMP * 16, bits: int = 12, **elements: Any) -> Dataset:
    """A computed radiograph with these stored values."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["test"])
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


def content(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def grey(dataset: Dataset) -> np.ndarray:
    return np.asarray(dicom.read(content(dataset)).grey)


def test_without_a_window_its_own_range_is_black_to_white() -> None:
    shown = grey(made(RAMP * 3 + 100))
    assert dicom.is_dicom(content(made()))
    assert (shown == RAMP).all()


def test_monochrome1_is_the_negative() -> None:
    assert (grey(made(PhotometricInterpretation="MONOCHROME1")) == 255 - grey(made())).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_window_over_the_whole_range_shows_every_depth_alike(bits: int) -> None:
    kind = np.uint8 if bits == 8 else np.uint16
    pixels = np.rint(RAMP / 255 * (2**bits - 1)).astype(kind)
    whole = {"WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits}
    assert np.abs(grey(made(pixels, bits, **whole)).astype(int) - RAMP).max() <= 1


@given(center=st.integers(200, 3800), width=st.integers(1, 4000))
def test_a_window_is_the_standards_formula(center: int, width: int) -> None:
    """PS3.3 C.11.2.1.2.1, with 0 and 255 as the least and the largest output."""
    pixels = RAMP * 16
    expected = ((pixels - (center - 0.5)) / max(width - 1, 1) + 0.5).clip(0, 1) * 255
    shown = grey(made(pixels, WindowCenter=center, WindowWidth=width))
    assert np.abs(shown - expected).max() <= 0.51


def test_the_rescale_comes_before_the_window() -> None:
    plain = grey(made(WindowCenter=2048, WindowWidth=1000))
    rescaled = made(WindowCenter=2048 * 2 - 1000, WindowWidth=2000, RescaleSlope=2, RescaleIntercept=-1000)
    assert np.abs(grey(rescaled).astype(int) - plain).max() <= 1


def test_signed_values_and_a_lookup_table() -> None:
    signed = (RAMP.astype(np.int16) - 128) * 4
    assert (grey(made(signed)) == RAMP).all()
    table = Dataset()
    table.LUTDescriptor = [256, 0, 8]
    table.LUTData = np.arange(255, -1, -1, dtype=np.uint16).tobytes()
    assert (grey(made(RAMP, 8 + 1, VOILUTSequence=Sequence([table]))) == 255 - RAMP).all()


@pytest.mark.parametrize(
    "empty",
    [
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowWidth": 100},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"VOILUTSequence": Sequence([])},
    ],
)
def test_an_element_without_a_value_is_none(empty: dict[str, Any]) -> None:
    assert (grey(made(**empty)) == RAMP).all()


@pytest.mark.parametrize("ends", [(65535,), (60000, 65535), (65535, 60000)])
def test_padding_does_not_stretch_the_range(ends: tuple[int, ...]) -> None:
    is_padding = RAMP % 7 == 2
    elements = dict(zip(("PixelPaddingValue", "PixelPaddingRangeLimit"), ends, strict=False))
    fill = np.where(RAMP % 2, min(ends), max(ends))
    padded = made(np.where(is_padding, fill, RAMP * 16).astype(np.uint16), 16, **elements)
    assert (grey(padded)[~is_padding] == RAMP[~is_padding]).all()


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_window_is_over_what_the_rescale_gives_also_where_that_turns_light_and_dark(function: str) -> None:
    window = {"WindowCenter": 1500, "WindowWidth": 1000, "VOILUTFunction": function}
    turned = made(4095 - RAMP * 16, RescaleSlope=-1, RescaleIntercept=4095, **window)
    assert (grey(turned) == grey(made(**window))).all()


def test_a_compression_that_pydicom_decodes_itself_is_read() -> None:
    dataset = made()
    dataset.compress(RLELossless)
    assert (grey(dataset) == grey(made())).all()


def no_pixels() -> Dataset:
    dataset = made()
    del dataset.PixelData
    return dataset


def unknown_compression() -> Dataset:
    dataset = made()
    from pydicom.encaps import encapsulate

    dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        (no_pixels(), "without pixels"),
        (made(PhotometricInterpretation="PALETTE COLOR"), "DICOM pixels of PALETTE COLOR"),
        (made(NumberOfFrames=4), "DICOM of 4 frames"),
        (made(Rows=40_000, Columns=40_000), "1,600,000,000 pixels"),
        (made(SamplesPerPixel=3, Columns=5, PlanarConfiguration=0), "3 samples a pixel"),
        (made(RAMP.astype(np.uint32), 32), "32 bits"),
        (made(RAMP * 0 + 7), "one grey level"),
        (unknown_compression(), "JPEG 2000.*install"),
    ],
)
def test_what_is_no_radiograph_is_refused_by_name(dataset: Dataset, told: str) -> None:
    with pytest.raises(UnusableFileError, match=told):
        dicom.read(content(dataset))


@given(st.integers(140, 700), st.integers(0, 255))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(place: int, byte: int) -> None:
    damaged = bytearray(content(made()))
    damaged[place] = byte
    for file in (bytes(damaged), bytes(damaged[:place])):
        try:
            dicom.read(file)
        except UnusableFileError:
            continue
