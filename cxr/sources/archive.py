"""Bring the images of a zip archive or a folder in Kaggle's layout into one tree, each once."""

import errno
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from tarfile import TarError
from typing import TypeVar

from tqdm import tqdm

from cxr.data.images import LARGEST_FILE
from cxr.errors import UserError, clipped, shortened
from cxr.files import below
from cxr.sources import layout
from cxr.sources.source import DamagedError

Entry = TypeVar("Entry")

# NotImplementedError, of an unknown way to compress, is a RuntimeError.
DAMAGE = (zipfile.BadZipFile, TarError, zlib.error, LZMAError, EOFError, RuntimeError, UnicodeDecodeError)


def is_damage(error: Exception) -> bool:
    """Whether what unpacking raised tells of a damaged, encrypted, unsafe or unknown archive, and not of the disk.

    Found by changing bytes of archives: bz2 and gzip raise OSError without a number, zipfile seeks to where no file is,
    and a name may be longer than a disk takes.
    """
    if isinstance(error, OSError):
        return error.errno in (None, errno.EINVAL, errno.ENAMETOOLONG)
    return isinstance(error, DAMAGE)


def unpack(archive: Path, raw: Path) -> None:
    """Write each image of `archive` once to `raw`/split/CLASS/name, after checking that its copies are equal.

    Raises DamagedError where it is cut or corrupt, a split lacks a class, an image is larger than any radiograph or
    has a name that no table can hold, or two copies of an image differ.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = ((PurePosixPath(info.filename), info) for info in opened.infolist())
            found = list(layout.select(infos))
            layout.check_classes((path for path, _ in found), archive.name)
            layout.check_names((path for path, _ in found), archive.name)
            _check_sizes(((path, info.file_size) for path, infos in found for info in infos), archive.name)
            _check_copies(found, lambda info: (info.file_size, info.CRC), archive.name)
            for path, infos_of_path in tqdm(found, desc="unpack", unit="image"):
                write(raw / path, opened.read(infos_of_path[0]))
    except Exception as error:
        if not is_damage(error):
            raise
        raise DamagedError(f"{archive.name} is cut or corrupt ({clipped(str(error))})") from None


def copy(folder: Path, raw: Path, name: str) -> None:
    """Copy each image under `folder` once to `raw`/split/CLASS/name; `folder` stays as it is.

    Links are followed. What else lies there is counted on stderr. Raises DamagedError where there is no image or a
    split lacks a class, an image is larger than any radiograph or has a name that no table can hold, or two copies of
    an image differ; UserError where an image is a link to nothing or no file.
    """
    files = [(path.relative_to(folder), path) for path in below(folder)]
    found = list(layout.select(files))
    layout.check_classes((path for path, _ in found), name)
    layout.check_names((path for path, _ in found), name)
    if no_files := [str(path) for _, copies in found for path in copies if not path.is_file()]:
        raise UserError(f"{name} holds what is named as an image and is no file: {shortened(no_files)}")
    _check_sizes(((path, copy.stat().st_size) for path, copies in found for copy in copies), name)
    _check_copies(found, lambda path: path.read_bytes(), name)
    _tell_left_out((path for path, _ in files), name)
    for path, copies in tqdm(found, desc="copy", unit="image"):
        write(raw / path, copies[0].read_bytes())


def tell_left_out(folder: Path, name: str) -> None:
    """Count on stderr what `copy` would leave out."""
    _tell_left_out((path.relative_to(folder) for path in below(folder)), name)


def _tell_left_out(paths: Iterable[Path], name: str) -> None:
    paths = list(paths)
    if hidden := [path for path in paths if layout.is_hidden_image(path)]:
        print(f"{name}: {len(hidden)} images in hidden folders are left out, the first is {hidden[0]}", file=sys.stderr)
    if others := [path for path in paths if layout.is_left_out(path)]:
        print(
            f"{name}: {len(others)} files that are not {layout.EXPECTED} are left out, the first is {others[0]}",
            file=sys.stderr,
        )


def write(path: Path, content: bytes) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _check_sizes(sizes: Iterable[tuple[PurePosixPath, int]], name: str) -> None:
    """Raises DamagedError where an image has more than LARGEST_FILE bytes: it is not even read."""
    if large := [f"{path} ({size:,} bytes)" for path, size in sizes if size > LARGEST_FILE]:
        raise DamagedError(f"{name} holds images larger than any radiograph: {shortened(large)}")


def _check_copies(
    found: list[tuple[PurePosixPath, list[Entry]]], content: Callable[[Entry], object], name: str
) -> None:
    """Raises DamagedError where an image stands in `name` more than once with different content."""
    differing = [
        str(path)
        for path, (first, *others) in found
        if others and any(content(other) != content(first) for other in others)
    ]
    if differing:
        raise DamagedError(f"{name} holds different images under one name: {shortened(differing)}")
