import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr.errors import UserError
from cxr.sources import archive

IMAGES = {
    f"{split}/{name}": f"{split} {name}".encode() * 50
    for split in ("train", "test")
    for name in ("NORMAL/IM-0001-0001.jpeg", "PNEUMONIA/person1_virus_1.jpeg")
}
LEFTOVERS = [
    "__MACOSX/chest_xray/train/NORMAL/._IM-0001-0001.jpeg",
    "chest_xray/train/NORMAL/._IM-0001-0001.jpeg",
    "chest_xray/train/.DS_Store",
    "chest_xray/train/NORMAL/.DS_Store",
    "chest_xray/readme.txt",
]


def members(outer: tuple[str, ...] = ("chest_xray", "chest_xray/chest_xray")) -> dict[str, bytes]:
    """Kaggle's archive: everything twice, with what macOS leaves."""
    doubled = {f"{folder}/{path}": content for folder in outer for path, content in IMAGES.items()}
    return doubled | dict.fromkeys(LEFTOVERS, b"left over")


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
    with zipfile.ZipFile(tmp_path / "source.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        for path, content in files.items():
            opened.writestr(path, content)
    archive.unpack(tmp_path / "source.zip", raw)


Bring = Callable[[dict[str, bytes], Path, Path], None]
both = pytest.mark.parametrize("bring", [as_folder, as_zip])


def found(raw: Path) -> dict[str, bytes]:
    return {path.relative_to(raw).as_posix(): path.read_bytes() for path in raw.rglob("*") if path.is_file()}


@both
@pytest.mark.parametrize("outer", [("chest_xray", "chest_xray/chest_xray"), (".",), ("a/b/c",)])
def test_each_image_comes_once_and_nothing_else(bring: Bring, outer: tuple[str, ...], tmp_path: Path) -> None:
    bring(members(outer), tmp_path, tmp_path / "raw")
    assert found(tmp_path / "raw") == IMAGES


@both
def test_copies_that_differ_are_refused(bring: Bring, tmp_path: Path) -> None:
    files = members()
    files["chest_xray/train/NORMAL/IM-0001-0001.jpeg"] = b"another image"
    with pytest.raises(UserError, match=r"different images under one name: train/NORMAL/IM-0001-0001\.jpeg"):
        bring(files, tmp_path, tmp_path / "raw")


@both
def test_an_empty_class_is_named(bring: Bring, tmp_path: Path) -> None:
    files = {path: content for path, content in members().items() if "test/NORMAL" not in path}
    with pytest.raises(UserError, match="no images in test/NORMAL; expected Kaggle's layout"):
        bring(files, tmp_path, tmp_path / "raw")


@pytest.mark.parametrize("damage", [lambda whole: whole[:-400], lambda whole: b"<html>", lambda whole: b""])
def test_a_damaged_archive_is_removed_and_said(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as opened:
        for path, content in members().items():
            opened.writestr(path, content)
    path = tmp_path / "source.zip"
    path.write_bytes(damage(whole.getvalue()))
    with pytest.raises(UserError, match="cut or corrupt"):
        archive.unpack(path, tmp_path / "raw")
    assert not path.exists()


def test_a_damaged_member_is_said(tmp_path: Path) -> None:
    as_zip(members(), tmp_path, tmp_path / "first")
    content = bytearray((tmp_path / "source.zip").read_bytes())
    content[60:70] = b"\x00" * 10
    (tmp_path / "source.zip").write_bytes(bytes(content))
    with pytest.raises(UserError, match="cut or corrupt"):
        archive.unpack(tmp_path / "source.zip", tmp_path / "raw")
