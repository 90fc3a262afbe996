import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr.errors import UserError
from cxr.sources import archive
from cxr.sources.source import DamagedError
from tests.cxr.sources.conftest import IMAGES, found, members
from tests.server import zipped


def as_folder(files: dict[str, bytes], tmp_path: Path, raw: Path) -> None:
    for path, content in files.items():
        archive.write(tmp_path / "source" / path, content)
    before = {path: path.stat() for path in (tmp_path / "source").rglob("*")}
    archive.copy(tmp_path / "source", raw, "the folder")
    for path, stat in before.items():
        assert (path.stat().st_mtime_ns, path.stat().st_mode, path.stat().st_nlink) == (
            stat.st_mtime_ns, stat.st_mode, stat.st_nlink,
        )  # fmt: skip


def as_zip(files: dict[str, bytes], tmp_path: Path, raw: Path) -> None:
    (tmp_path / "source.zip").write_bytes(zipped(files, zipfile.ZIP_DEFLATED))
    archive.unpack(tmp_path / "source.zip", raw)


Bring = Callable[[dict[str, bytes], Path, Path], None]
both = pytest.mark.parametrize("bring", [as_folder, as_zip])


@both
@pytest.mark.parametrize("outer", [("chest_xray", "chest_xray/chest_xray"), (".",), ("a/b/c",)])
def test_each_image_comes_once_and_nothing_else(bring: Bring, outer: tuple[str, ...], tmp_path: Path) -> None:
    bring(members(outer), tmp_path, tmp_path / "raw")
    assert found(tmp_path / "raw") == IMAGES


@both
def test_copies_that_differ_are_refused(bring: Bring, tmp_path: Path) -> None:
    files = members()
    files["chest_xray/train/NORMAL/IM-0001-0001.jpeg"] = b"another image"
    with pytest.raises(DamagedError, match=r"different images under one name: train/NORMAL/IM-0001-0001\.jpeg"):
        bring(files, tmp_path, tmp_path / "raw")


@both
def test_a_name_that_ends_a_row_of_a_table_is_refused(bring: Bring, tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=r"1 images with a control character .*; rename train/NORMAL/a\\rb\.png"):
        bring({**members(), "train/NORMAL/a\rb.png": b""}, tmp_path, tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=r"bytes that are not UTF-8; rename train/NORMAL/caf\\udce9\.png"):
        as_folder({**IMAGES, os.fsdecode(b"train/NORMAL/caf\xe9.png"): b""}, tmp_path, tmp_path / "raw")


@both
def test_an_empty_class_is_named(bring: Bring, tmp_path: Path) -> None:
    files = {path: content for path, content in members().items() if "test/NORMAL" not in path}
    with pytest.raises(DamagedError, match="no images in test/NORMAL; expected Kaggle's layout"):
        bring(files, tmp_path, tmp_path / "raw")


@pytest.mark.parametrize("damage", [lambda whole: whole[:-400], lambda whole: b"<html>", lambda whole: b""])
def test_a_damaged_archive_is_said(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "source.zip"
    path.write_bytes(damage(zipped(members())))
    with pytest.raises(DamagedError, match="cut or corrupt"):
        archive.unpack(path, tmp_path / "raw")


def test_a_damaged_member_is_said(tmp_path: Path) -> None:
    as_zip(members(), tmp_path, tmp_path / "first")
    content = bytearray((tmp_path / "source.zip").read_bytes())
    content[60:70] = b"\x00" * 10
    (tmp_path / "source.zip").write_bytes(bytes(content))
    with pytest.raises(DamagedError, match="cut or corrupt"):
        archive.unpack(tmp_path / "source.zip", tmp_path / "raw")


def test_links_are_followed_and_never_in_circles(tmp_path: Path) -> None:
    """A folder of links: a split, a class, an image; and two that lead back up."""
    for path, content in IMAGES.items():
        archive.write(tmp_path / "elsewhere" / path, content)
    folder = tmp_path / "folder"
    (folder / "test" / "NORMAL").mkdir(parents=True)
    (folder / "train").symlink_to(tmp_path / "elsewhere" / "train")
    (folder / "test" / "PNEUMONIA").symlink_to(tmp_path / "elsewhere" / "test" / "PNEUMONIA")
    image = tmp_path / "elsewhere" / "test" / "NORMAL" / "IM-0001-0001.jpeg"
    (folder / "test" / "NORMAL" / image.name).symlink_to(image)
    (folder / "test" / "up").symlink_to(folder)
    (tmp_path / "elsewhere" / "train" / "up").symlink_to(folder / "test")
    archive.copy(folder, tmp_path / "raw", "the folder")
    assert found(tmp_path / "raw") == IMAGES
    assert not [path for path in (tmp_path / "raw").rglob("*") if path.is_symlink()]


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("nowhere"), lambda path: os.mkfifo(path)])
def test_what_is_named_as_an_image_and_is_no_file_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    for path, content in IMAGES.items():
        archive.write(tmp_path / "folder" / path, content)
    make(tmp_path / "folder" / "train" / "NORMAL" / "IM-0002-0001.jpeg")
    with pytest.raises(UserError, match=r"named as an image and is no file: .*IM-0002-0001\.jpeg"):
        archive.copy(tmp_path / "folder", tmp_path / "raw", "the folder")


def test_an_image_larger_than_any_radiograph_is_not_read(tmp_path: Path) -> None:
    for path, content in IMAGES.items():
        archive.write(tmp_path / "folder" / path, content)
    with (tmp_path / "folder" / "train" / "NORMAL" / "IM-0002-0001.jpeg").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(
        DamagedError, match=r"larger than any radiograph: .*IM-0002-0001\.jpeg \(1,099,511,627,776 bytes"
    ):
        archive.copy(tmp_path / "folder", tmp_path / "raw", "the folder")


def test_what_is_left_out_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = ["train/NORMAL/IM-0003-0001.dcm", "valid/NORMAL/IM-0004-0001.jpeg", "train/NORMAL/deeper/IM-1-1.jpeg"]
    for path, content in (IMAGES | dict.fromkeys([*others, "train/.DS_Store"], b"other")).items():
        archive.write(tmp_path / "folder" / path, content)
    archive.copy(tmp_path / "folder", tmp_path / "raw", "the folder")
    told = capsys.readouterr().err
    assert (
        "the folder: 3 files that are not {train,val,test}/{NORMAL,PNEUMONIA}/*{.jpeg,.jpg,.png} are left out" in told
    )
    assert "the first is train/NORMAL/IM-0003-0001.dcm" in told
    assert found(tmp_path / "raw") == IMAGES


@both
def test_what_lies_in_a_hidden_folder_is_left_out(bring: Bring, tmp_path: Path) -> None:
    """Rubbish, and old versions that a synchroniser keeps: of a deleted image, and of one that has changed."""
    hidden = [".stversions/train/NORMAL/IM-0009-0001.jpeg", ".Trash-1000/files/train/NORMAL/IM-0001-0001.jpeg"]
    bring({**members(), **dict.fromkeys(hidden, b"old")}, tmp_path, tmp_path / "raw")
    assert found(tmp_path / "raw") == IMAGES


def test_images_in_hidden_folders_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The images alone: nobody expects the files of Git to be used. A named folder may be hidden itself."""
    for path in (*IMAGES, ".old/train/NORMAL/IM-0009-0001.jpeg", ".git/HEAD", ".git/train/NORMAL/._IM-0009-0001.jpeg"):
        archive.write(tmp_path / ".mine" / path, IMAGES.get(path, b"old"))
    archive.copy(tmp_path / ".mine", tmp_path / "raw", "the folder")
    told = "the folder: 1 images in hidden folders are left out, the first is .old/train/NORMAL/IM-0009-0001.jpeg"
    assert told in capsys.readouterr().err.splitlines()
    assert found(tmp_path / "raw") == IMAGES
