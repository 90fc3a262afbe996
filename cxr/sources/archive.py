"""Bring the images of a zip archive or a folder in Kaggle's layout into one tree, each once."""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

from tqdm import tqdm

from cxr.errors import UserError
from cxr.sources import layout

Entry = TypeVar("Entry")


def unpack(archive: Path, raw: Path) -> None:
    """Write each image of `archive` once to `raw`/split/CLASS/name, after checking that its copies are equal.

    Raises UserError, and removes the archive, where it is cut or corrupt.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = ((PurePosixPath(info.filename), info) for info in opened.infolist())
            found = list(layout.select(infos))
            layout.check_classes((path for path, _ in found), archive.name)
            _check_copies(found, lambda info: (info.file_size, info.CRC), archive.name)
            for path, infos_of_path in tqdm(found, desc="unpack", unit="image"):
                write(raw / path, opened.read(infos_of_path[0]))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        archive.unlink()
        raise UserError(f"{archive.name} is cut or corrupt ({error}) and was removed; run it again") from None


def copy(folder: Path, raw: Path, name: str) -> None:
    """Copy each image under `folder` once to `raw`/split/CLASS/name; `folder` stays as it is.

    Raises UserError where there is none or a split lacks a class, or two copies of an image differ.
    """
    found = list(layout.select((path.relative_to(folder), path) for path in folder.rglob("*") if path.is_file()))
    layout.check_classes((path for path, _ in found), name)
    _check_copies(found, lambda path: path.read_bytes(), name)
    for path, copies in tqdm(found, desc="copy", unit="image"):
        write(raw / path, copies[0].read_bytes())


def write(path: Path, content: bytes) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _check_copies(
    found: list[tuple[PurePosixPath, list[Entry]]], content: Callable[[Entry], object], name: str
) -> None:
    """Raises UserError where an image stands in `name` more than once with different content."""
    differing = [
        str(path)
        for path, (first, *others) in found
        if others and any(content(other) != content(first) for other in others)
    ]
    if differing:
        raise UserError(f"{name} holds different images under one name: {', '.join(differing)}")
