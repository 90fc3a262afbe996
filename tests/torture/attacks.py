"""Files as attacks: damaged, lying and hostile images and archives.

Whatever an image file holds, reading it gives a grey picture or one line, in bounded time; nothing is written, no
program started. Whatever an archive holds, its images are placed whole below the folder that is meant, or one line says
why not.
"""

import io
import struct
import tempfile
import warnings
import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from cxr.data.images import Picture, UnusableFileError, read
from cxr.inference import dicom
from cxr.sources import archive
from tests.server import zipped
from tests.torture.case import Ending, Fault, LossError, ending, said_by
from tests.torture.watch import watched

Generator = np.random.Generator

LONGEST_SECONDS = 10.0


# ---------------------------------------------------------------- images


@cache
def good_images() -> tuple[bytes, ...]:
    """Images of every kind that is read, and of kinds that are refused by name."""
    grey = np.random.default_rng(0).normal(128, 30, (60, 80)).clip(0, 255)
    level = Image.fromarray(grey.astype(np.uint8))
    deep = Image.fromarray((grey * 257).astype(np.uint16))
    colour = Image.merge("RGB", [level] * 3)
    exif = Image.Exif()
    exif[274] = 6

    def stored(image: Image.Image, form: str, **options: object) -> bytes:
        content = io.BytesIO()
        image.save(content, form, **options)
        return content.getvalue()

    return (
        stored(level, "JPEG", quality=75),
        stored(level, "JPEG", progressive=True, exif=exif),
        stored(colour, "JPEG", subsampling=2),
        stored(colour.convert("CMYK"), "JPEG"),
        stored(level, "PNG"),
        stored(deep, "PNG"),
        stored(colour, "PNG"),
        stored(colour.convert("P"), "PNG"),
        stored(colour.convert("RGBA"), "PNG"),
        stored(level.convert("1"), "PNG"),
        stored(level, "GIF"),
        stored(level, "TIFF"),
        stored(level, "BMP"),
        stored(level, "EPS"),
    )


def judge_image(content: bytes) -> Ending:
    pictures: list[Picture] = []
    with watched(), warnings.catch_warnings():
        # Pillow warns of more than 89 million pixels before we refuse them.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        line = said_by(lambda: pictures.append(read(content)), LONGEST_SECONDS, UnusableFileError, longest=400)
    if line:
        return "told"
    (picture,) = pictures
    if picture.grey.mode != "L" or 0 in picture.grey.size:
        raise LossError(f"a picture of mode {picture.grey.mode} and size {picture.grey.size}")
    np.asarray(picture.grey)
    return "whole"


def changed_bytes(generator: Generator) -> Ending:
    return judge_image(mutated(generator, generator.choice(len(good_images()))))


def mutated(generator: Generator, which: int) -> bytes:
    content = bytearray(good_images()[which])
    for _ in range(generator.integers(1, 20)):
        content[generator.integers(len(content))] = generator.integers(256)
    return bytes(content)


def cut_or_filled(generator: Generator) -> Ending:
    content = good_images()[generator.choice(len(good_images()))]
    at = int(generator.integers(len(content)))
    match generator.integers(4):
        case 0:
            changed = content[:at]
        case 1:
            changed = content[:at] + generator.bytes(int(generator.integers(1, 5000))) + content[at:]
        case 2:
            changed = content[:at] + content[at + int(generator.integers(1, 200)) :]
        case _:
            changed = content[:at] + bytes(len(content) - at)
    return judge_image(changed)


def spliced(generator: Generator) -> Ending:
    """The beginning of one file and the end of another; a header of one format before another's content."""
    one, two = (good_images()[i] for i in generator.choice(len(good_images()), 2))
    return judge_image(one[: generator.integers(len(one))] + two[generator.integers(len(two)) :])


def png_chunk(kind: bytes, content: bytes, checksum: int | None = None) -> bytes:
    crc = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


@cache
def swollen() -> bytes:
    """Fifty million zeros, compressed."""
    return zlib.compress(bytes(50_000_000), 9)


def lying_png(generator: Generator) -> Ending:
    """Sizes, depths, lengths and checksums that are not those of the content; more or fewer pixels than are said."""
    width, height = (int(generator.choice([0, 1, 7, 80, 30_000, 65_535, 2**31 - 1])) for _ in range(2))
    depth, colour = int(generator.choice([1, 2, 4, 8, 16, 3, 0])), int(generator.choice([0, 2, 3, 4, 6, 1, 9]))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(generator.integers(3)))
    pixels = zlib.compress(bytes(int(generator.choice([0, 10, 10_000, 5_000_000]))))
    extras = [
        b"",
        png_chunk(b"sBIT", generator.bytes(int(generator.integers(0, 5)))),
        png_chunk(b"tRNS", generator.bytes(2)),
        png_chunk(b"eXIf", generator.bytes(40)),
        png_chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
        png_chunk(b"iCCP", b"x\0\0" + swollen()),
        png_chunk(b"zTXt", b"x\0\0" + swollen()),
        struct.pack(">I", 2**31 - 1) + b"tEXt",
    ]
    extra = extras[generator.integers(len(extras))]
    checksum = None if generator.random() < 0.7 else 0
    chunks = [png_chunk(b"IHDR", header, checksum), extra, png_chunk(b"IDAT", pixels), png_chunk(b"IEND", b"")]
    if generator.random() < 0.2:
        generator.shuffle(chunks)
    return judge_image(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def bomb(generator: Generator) -> Ending:
    """A few kilobytes that say they are a picture of up to two thousand million pixels."""
    side = int(generator.integers(8_000, 45_000))
    if generator.random() < 0.5:
        row = zlib.compressobj(9)
        rows = b"".join(row.compress(bytes(side // 8 + 1)) for _ in range(min(side, 20_000))) + row.flush()
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        parts = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b"")]
        return judge_image(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    content = bytearray(good_images()[0])
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return judge_image(bytes(content))


def stated_text(generator: Generator) -> Ending:
    """Texts, profiles and orientations that a file may carry, of any length and content."""
    content = io.BytesIO()
    image = Image.open(io.BytesIO(good_images()[4]))
    info = PngImagePlugin.PngInfo()
    for _ in range(generator.integers(1, 40)):
        info.add_text("a" * int(generator.integers(1, 79)), "%s{}\\x00" * int(generator.integers(0, 2000)), zip=True)
    exif = Image.Exif()
    exif[274] = int(generator.choice([0, 1, 8, 9, 65_535]))
    image.save(content, "PNG", pnginfo=info, exif=exif)
    return judge_image(content.getvalue())


@cache
def good_dicom() -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["torture"])
    made = FileDataset("none", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.Rows, made.Columns, made.SamplesPerPixel = 20, 24, 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PixelData = np.arange(480, dtype=np.uint16).tobytes()
    content = io.BytesIO()
    made.save_as(content, enforce_file_format=True)
    return content.getvalue()


def changed_dicom(generator: Generator) -> Ending:
    content = bytearray(good_dicom())
    for _ in range(generator.integers(1, 12)):
        content[generator.integers(128, len(content))] = generator.integers(256)
    if generator.random() < 0.3:
        del content[generator.integers(132, len(content)) :]
    with watched(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ending(said_by(lambda: dicom.read(bytes(content)), LONGEST_SECONDS, UnusableFileError))


# ---------------------------------------------------------------- archives

IMAGES = [
    f"{split}/{name}"
    for split in ("train", "test")
    for name in ("NORMAL/IM-1-1.jpeg", "PNEUMONIA/person1_virus_1.jpeg")
]


def unpacked(content: bytes) -> Ending:
    """What a source's archive does to the disk: its images or one line; nothing beside the folder that is meant."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name).resolve()
        stored, raw = top / "archive.zip", top / "deep" / "data" / "raw"
        stored.write_bytes(content)
        raw.mkdir(parents=True)
        with watched(raw), warnings.catch_warnings():
            # Of names that are long it has both ends.
            line = said_by(lambda: archive.unpack(stored, raw), LONGEST_SECONDS, longest=4000)
        for path in raw.rglob("*"):
            if path.is_symlink() or (path.is_file() and len(path.relative_to(raw).parts) != 3):
                raise LossError(f"left {path.relative_to(top)}")
        beside = [path for path in top.rglob("*") if path.is_file() and not path.is_relative_to(raw) and path != stored]
        if beside:
            raise LossError(f"wrote beside its folder: {beside}")
        return ending(line)


def good_entries() -> list[tuple[zipfile.ZipInfo | str, bytes]]:
    return [(f"chest_xray/{path}", good_images()[0]) for path in IMAGES]


def hostile_names(generator: Generator) -> Ending:
    """Names that climb, are absolute, are links or devices, stand twice, or hold what no file system likes."""
    names = [
        "../../evil/train/NORMAL/x.jpeg", "/tmp/train/NORMAL/x.jpeg", "..\\..\\train\\NORMAL\\x.jpeg",
        "train/NORMAL/../../../../x.jpeg", "train/NORMAL/..jpeg", "C:/train/NORMAL/x.jpeg", "train/NORMAL/a\0b.jpeg",
        "train/NORMAL/" + "x" * 5000 + ".jpeg", "train/NORMAL/con.jpeg", "train/NORMAL/x.jpeg/",
        "train/NORMAL/\u202egepj.jpeg", "train/NORMAL/-rf.jpeg", "train/NORMAL/$(touch x).jpeg",
        "./train/./NORMAL/x.jpeg", "train/NORMAL/IM-1-1.jpeg",
    ]  # fmt: skip
    entries = good_entries()
    for _ in range(generator.integers(1, 4)):
        info = zipfile.ZipInfo(str(generator.choice(names)))
        if generator.random() < 0.3:
            info.external_attr = int(generator.choice([0o120777, 0o060666, 0o010666])) << 16
        entries.insert(int(generator.integers(len(entries) + 1)), (info, b"/etc/passwd"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name", UserWarning)
        content = zipped(entries, zipfile.ZIP_DEFLATED)
    return unpacked(content)


def damaged_archive(generator: Generator) -> Ending:
    method = int(generator.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    content = bytearray(zipped(good_entries(), method))
    for _ in range(generator.integers(1, 10)):
        content[generator.integers(len(content))] = generator.integers(256)
    if generator.random() < 0.3:
        del content[generator.integers(len(content)) :]
    return unpacked(bytes(content))


def archive_bomb(generator: Generator) -> Ending:
    """An entry of many hundred times its stored size, named as an image; its true or another size stated."""
    n_bytes = int(generator.choice([300_000_000, 600_000_000, 1_200_000_000]))
    content = io.BytesIO(zipped(good_entries(), zipfile.ZIP_DEFLATED))
    name = "chest_xray/train/NORMAL/IM-9-9.jpeg"
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as whole, whole.open(name, "w", force_zip64=True) as file:
        block = bytes(10_000_000)
        for _ in range(n_bytes // len(block)):
            file.write(block)
    if unpacked(content.getvalue()) != "told":
        raise LossError("was unpacked")
    return "told"


FAULTS = {
    "image-bytes": Fault("an image with some bytes changed", 1200, changed_bytes),
    "image-cut": Fault("an image cut, filled with zeros, lengthened or shortened inside", 700, cut_or_filled),
    "image-spliced": Fault("the beginning of one image file and the end of another", 300, spliced),
    "image-lying": Fault("a PNG whose header, chunks or checksums lie", 400, lying_png),
    "image-bomb": Fault("a small file that claims up to 2,000 million pixels", 20, bomb),
    "image-text": Fault("texts and orientations of any kind in a PNG", 60, stated_text),
    "dicom-bytes": Fault("a DICOM file with some bytes changed or cut", 300, changed_dicom),
    "archive-names": Fault("an archive with names that climb, links, doubled and impossible names", 120, hostile_names),
    "archive-bytes": Fault("an archive with some bytes changed or cut", 200, damaged_archive),
    "archive-bomb": Fault("an archive with an image of up to 1.2 GB of zeros", 3, archive_bomb),
}
