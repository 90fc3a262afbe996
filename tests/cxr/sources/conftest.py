"""Kaggle's archive in small, and a server on the loopback in its place."""

from pathlib import Path

import numpy as np
import pytest

from cxr.sources import kaggle
from cxr.sources.retry import Patience
from tests.server import FileServer, kaggle_environment, zipped

SECRET = "0123456789abcdef-a-key-to-keep"
QUICK = Patience(n_attempts=3, pause=0.01, silence=6.0)
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


def found(raw: Path) -> dict[str, bytes]:
    return {path.relative_to(raw).as_posix(): path.read_bytes() for path in raw.rglob("*") if path.is_file()}


def whole_archive() -> bytes:
    return zipped(members() | {"chest_xray/ballast": np.random.default_rng(0).bytes(2_000_000)})


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which the client knows only the server; its cache."""
    for name, value in kaggle_environment(tmp_path / "HOME", port=0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(kaggle, "POLL", 0.1)
    return tmp_path / "HOME" / "cache"


def use(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.port}")
